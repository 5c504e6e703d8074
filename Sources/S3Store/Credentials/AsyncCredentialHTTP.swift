import AsyncHTTPClient
import Basics
import FileIO
import Glibc
import HTTPProxies
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// ``CredentialHTTP`` on AsyncHTTPClient.
///
/// Credentials are asked for about once an hour, so each request has a client of its own: its time limits are exactly
/// those of the request, and no connection to a metadata service stays open.
public struct AsyncCredentialHTTP: CredentialHTTP {
    /// The longest answer that is read, in bytes.
    static let answerLimit = 1 << 18

    private let tls: TLSConfiguration?
    private let trustRoots: String?
    private let proxies: ProxyRules

    /// - Parameters:
    ///   - trustRoots: a PEM file with the authorities to trust instead of the system's (`AWS_CA_BUNDLE`).
    ///   - tls: how to speak TLS, if not as usual.
    ///   - proxies: which requests by TLS go through a proxy. Others, as those of the machine and the container services, go
    ///     to what is near, and a proxy would see the credentials.
    public init(trustRoots: String? = nil, tls: TLSConfiguration? = nil, proxies: ProxyRules = .none) {
        self.trustRoots = trustRoots
        self.tls = tls
        self.proxies = proxies
    }

    public func send(_ request: CredentialRequest) async throws -> CredentialResponse {
        let wait = TimeAmount(request.timeout)
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try await tlsConfiguration(for: request.url), redirectConfiguration: .disallow,
            timeout: .init(connect: wait, read: wait, write: wait))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        if request.url.hasPrefix("https:") { configuration.proxy = try proxy(for: request.url)?.configuration }
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method)
        message.headers = HTTPHeaders(request.headers)
        if !request.body.isEmpty { message.body = .bytes(ByteBuffer(bytes: request.body)) }
        do {
            return try await Self.send(message, configuration, limit: request.timeout * 4)
        } catch {
            throw try Self.translated(error)
        }
    }

    /// - Parameter limit: for the whole exchange. A service that drips its answer byte by byte resets the read limit each
    ///   time, and the client's own deadline ends with the head of the answer.
    private static func send(
        _ message: HTTPClientRequest, _ configuration: HTTPClient.Configuration, limit: Duration
    ) async throws -> CredentialResponse {
        try await withTimeLimit(limit) {
            try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                let response = try await client.execute(message, deadline: .distantFuture)
                let body = try await response.body.collect(upTo: answerLimit)
                return CredentialResponse(
                    status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
                    body: Array(buffer: body))
            }
        }
    }

    private func proxy(for url: String) throws -> HTTPProxy? {
        do throws(ProxyError) { return try proxies.proxy(for: url) } catch {
            throw CredentialHTTPError.unreachable("\(error)")
        }
    }

    /// The trust roots are read only if they are needed, and again each time: they may have been renewed.
    private func tlsConfiguration(for url: String) async throws -> TLSConfiguration? {
        guard let trustRoots, url.hasPrefix("https:") else { return tls }
        do {
            var configuration = tls ?? .makeClientConfiguration()
            configuration.trustRoots = .certificates(
                try await FileIO.run { try NIOSSLCertificate.fromPEMFile(trustRoots) })
            return configuration
        } catch {
            throw CredentialHTTPError.unreachable("the certificates in '\(trustRoots)' cannot be used: \(error)")
        }
    }

    private static func translated(_ error: any Error) throws -> CredentialHTTPError {
        switch error {
        case is CancellationError: throw CancellationError()
        case is TimeLimitExceeded: return .timedOut
        case let error as CredentialHTTPError: return error
        case let error as HTTPClientError: return try translated(error)
        case let error as NIOConnectionError:
            let causes = Set(error.connectionErrors.map { "\($0.error)" }).sorted().joined(separator: "; ")
            let reason = causes.isEmpty ? "its name was not found" : causes
            return .unreachable("no connection to \(error.host): \(reason)")
        case let error as IOError where connectionErrors.contains(error.errnoCode):
            return .unreachable("no connection: \(error)")
        case is NIOTooManyBytesError: return .broken("the answer is too long")
        default: return .broken("\(error)")
        }
    }

    private static let connectionErrors = [
        ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL, ETIMEDOUT,
    ]

    private static func translated(_ error: HTTPClientError) throws -> CredentialHTTPError {
        switch error {
        case .cancelled: throw CancellationError()
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            return .unreachable("no connection in time")
        case .readTimeout, .writeTimeout, .deadlineExceeded: return .timedOut
        default: return error.proxyReason.map { .unreachable($0) } ?? .broken(error.shortDescription)
        }
    }
}
