import AsyncHTTPClient
import FileIO
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ObjectStore

/// Sends signed requests over HTTP, one attempt at a time.
struct HTTPTransport: Sendable {
    let client: HTTPClient
    /// Where the connections live.
    let loop: any EventLoop
    let meter: TransferMeter
    let limiter: RateLimiter?

    /// - Parameters:
    ///   - connections: how many requests run at once; each has a connection.
    ///   - trustRoots: a PEM file with the authorities to trust instead of the system's.
    /// - Throws: ``StoreError`` for an unreadable `trustRoots`.
    init(connections: Int, trustRoots: String?, meter: TransferMeter, limiter: RateLimiter?) throws(StoreError) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10), read: .seconds(60), write: .seconds(60)),
            connectionPool: .init(idleTimeout: .seconds(5), concurrentHTTP1ConnectionsPerHostSoftLimit: connections))
        // Retries are counted, jittered and reported by RequestSender; a second, hidden loop would only delay them.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        if let trustRoots {
            do {
                var tls = TLSConfiguration.makeClientConfiguration()
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(trustRoots))
                configuration.tlsConfiguration = tls
            } catch {
                throw StoreError(
                    .invalid, "read", "the certificates in '\(trustRoots)' cannot be used: \(error)",
                    hint: "Set AWS_CA_BUNDLE to a PEM file, or unset it.")
            }
        }
        loop = MultiThreadedEventLoopGroup.singleton.next()
        client = HTTPClient(eventLoopGroupProvider: .shared(loop), configuration: configuration)
        self.meter = meter
        self.limiter = limiter
    }

    /// Sends one request and waits for the head of the answer.
    func send(_ request: SignableRequest, headers: HTTPHeaders, body: ByteBuffer?) async throws -> HTTPClientResponse {
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method)
        message.headers = headers
        let sent = body?.readableBytes ?? 0
        if let body { message.body = .bytes(body) }
        try await limiter?.wait(for: sent)
        meter.count(requests: 1, sent: Int64(sent))
        // No deadline for the whole exchange: a large body takes the time it takes, and the read time-out ends a stall.
        return try await client.execute(message, deadline: .distantFuture)
    }
}

extension TransportFailure {
    /// - Returns: `nil` if the request was cancelled, which is no failure.
    init?(_ error: any Error) {
        switch error {
        case is CancellationError: return nil
        case let error as HTTPClientError:
            switch error {
            case .cancelled: return nil
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout: self = .connectTimeout
            case .readTimeout, .writeTimeout, .deadlineExceeded: self = .readTimeout
            case .invalidURL, .emptyHost: self = .local
            default: self = .connection
            }
        default: self = .connection
        }
    }
}

/// What went wrong between here and the store, in words for a person.
func transportReason(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
        if error.connectionErrors.isEmpty { return "the host name \(error.host) could not be found" }
        let causes = Set(error.connectionErrors.map { transportReason($0.error) }).sorted().joined(separator: "; ")
        return "no connection to \(error.host):\(error.port): \(causes)"
    case let error as IOError: return systemReason(error.errnoCode)
    case let error as HTTPClientError:
        switch error {
        case .connectTimeout: return "no connection within 10 seconds"
        case .tlsHandshakeTimeout: return "the TLS handshake did not finish in time"
        case .readTimeout: return "no answer for 60 seconds"
        case .remoteConnectionClosed: return "the connection was closed before the answer was complete"
        default: return error.shortDescription
        }
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return "TLS failed: \(error)"
    default: return "\(error)"
    }
}

/// Whether the reason is that TLS does not trust the other side, which another attempt does not change.
func isTLSFailure(_ error: any Error) -> Bool {
    error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
}
