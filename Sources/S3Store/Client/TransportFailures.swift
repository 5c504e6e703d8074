import AsyncHTTPClient
import FileIO
import HTTPProxies
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension TransportFailure {
    /// - Returns: `nil` if the request was cancelled, which is no failure.
    init?(_ error: any Error) {
        switch error {
        case is CancellationError: return nil
        case let error as HTTPClientError:
            switch error {
            case .cancelled: return nil
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .httpProxyHandshakeTimeout:
                self = .connectTimeout
            case .readTimeout, .writeTimeout, .deadlineExceeded: self = .readTimeout
            // What a proxy answers that opens no tunnel is not told; it may be that it did not reach the other side just now.
            case .remoteConnectionClosed, .uncleanShutdown, .requestStreamCancelled, .invalidProxyResponse:
                self = .connection
            // The rest are requests that cannot be sent: a header or an address of the wrong form.
            default: self = .local
            }
        case is ProxyError: self = .local
        default: self = isTLSRefusal(error) ? .local : .connection
        }
    }
}

/// Describes a failure between here and the store in words for a person.
func transportReason(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
        if error.connectionErrors.isEmpty { return "the host name \(error.host) could not be found" }
        let causes = Set(error.connectionErrors.map { transportReason($0.error) }).sorted().joined(separator: "; ")
        return "no connection to \(error.host):\(error.port): \(causes)"
    case let error as IOError: return systemReason(error.errnoCode)
    case let error as HTTPClientError:
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout:
            return "no connection within \(HTTPTransport.connectTimeout) seconds"
        case .tlsHandshakeTimeout: return "the TLS handshake did not finish in time"
        case .readTimeout, .writeTimeout: return "nothing moved for \(HTTPTransport.stallTimeout) seconds"
        case .remoteConnectionClosed, .uncleanShutdown:
            return "the connection was closed before the answer was complete"
        // Not the whole error, which may show a header.
        default: return error.proxyReason ?? error.shortDescription
        }
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return "TLS failed: \(tlsReason(error))"
    case is HTTPParserError: return "what came back is no HTTP; does the endpoint need https?"
    case is ChannelError: return "the connection was closed before the answer was complete"
    default: return "\(error)"
    }
}

/// Whether TLS does not accept the other side, which another attempt does not change. A connection that breaks during
/// or after the handshake is not meant.
func isTLSRefusal(_ error: any Error) -> Bool {
    switch error {
    case NIOSSLError.handshakeFailed(.sslError(let causes)): !causes.contains(.eofDuringHandshake)
    case NIOSSLError.noCertificateToValidate, NIOSSLError.unableToValidateCertificate: true
    case is NIOSSLExtraError: true
    default: false
    }
}

/// The library prints codes and the lines of its own source.
private func tlsReason(_ error: any Error) -> String {
    if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
        return "the certificate is for another host name"
    }
    let text = "\(error)"
    let known = [
        (
            "CERTIFICATE_VERIFY_FAILED",
            "the certificate is not signed by an authority that is trusted here, or has expired"
        ),
        ("WRONG_VERSION_NUMBER", "the other side does not speak TLS; is it an http:// endpoint?"),
        ("HTTP_REQUEST", "the other side does not speak TLS; is it an http:// endpoint?"),
        ("EOF during handshake", "the connection was closed during the handshake"),
        ("uncleanShutdown", "the connection was closed before the answer was complete"),
    ]
    if let reason = known.first(where: { text.contains($0.0) })?.1 { return reason }
    // As `SSL routines:OPENSSL_internal:NO_SHARED_CIPHER at …`.
    guard let marker = text.firstRange(of: "OPENSSL_internal:") else { return text }
    return String(text[marker.upperBound...].prefix { $0 != " " })
}
