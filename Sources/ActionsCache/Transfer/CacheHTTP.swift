import AsyncHTTPClient
import Basics
import FileIO
import Glibc
import HTTPProxies
import NIOCore
import NIOHTTP1
import NIOPosix

/// An answer whose body was read.
struct CacheResponse: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: ByteBuffer

    /// Classifies a 429 for the call.
    func rateLimit(_ words: String) -> Transient {
        let seconds = headers.first(name: "Retry-After").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        let more = [words, seconds.map { "try again in \($0) seconds" } ?? ""].filter { !$0.isEmpty }
        let reason = "the service takes no more requests now (429)"
        return Transient(
            error: .rateLimited(more.isEmpty ? reason : "\(reason): \(more.joined(separator: "; "))"),
            retryAfter: seconds, isRateLimit: true)
    }
}

/// Sends requests, one attempt at a time. A redirect is an answer like any other.
struct CacheHTTP: Sendable {
    let clients: ProxiedClients
    let userAgent: String

    /// The longest answer of a control plane, in bytes.
    static let answerLimit = 1 << 20

    enum Body: Sendable {
        case bytes(ByteBuffer)
        case file(FileSlice)
    }

    /// Opens connections for the time of a closure.
    static func withHTTP<Result>(
        _ environment: CacheEnvironment, _ options: ActionsCache.Options, _ body: (CacheHTTP) async throws -> Result
    ) async throws -> Result {
        let clients = ProxiedClients(
            environment.proxies, configuration: configuration(options), on: MultiThreadedEventLoopGroup.singleton)
        return try await clients.shutDown {
            try await body(CacheHTTP(clients: clients, userAgent: environment.userAgent))
        }
    }

    private static func configuration(_ options: ActionsCache.Options) -> HTTPClient.Configuration {
        let stall = TimeAmount(options.stallLimit)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10), read: stall, write: stall),
            connectionPool: .init(
                idleTimeout: .seconds(5), concurrentHTTP1ConnectionsPerHostSoftLimit: max(1, options.concurrency)))
        // Retries are counted and reported by RetryPlan.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return configuration
    }

    /// Sends a request and reads all of its answer.
    /// - Throws: ``TransportError``; `CancellationError`.
    func send(
        _ method: String, _ url: String, headers: HTTPHeaders, body: Body? = nil, limit: Duration
    ) async throws -> CacheResponse {
        try await receive(method, url, headers: headers, body: body, limit: limit) { response in
            CacheResponse(
                status: Int(response.status.code), headers: response.headers,
                body: try await response.body.collect(upTo: Self.answerLimit))
        }
    }

    /// Sends a request and hands over the answer while it arrives.
    /// - Parameter limit: for all of it. A server that drips its answer byte by byte never stalls.
    func receive<Result: Sendable>(
        _ method: String, _ url: String, headers: HTTPHeaders, body: Body? = nil, limit: Duration,
        _ read: @escaping @Sendable (HTTPClientResponse) async throws -> Result
    ) async throws -> Result {
        var message = HTTPClientRequest(url: url)
        message.method = HTTPMethod(rawValue: method)
        message.headers = headers
        message.headers.add(name: "User-Agent", value: userAgent)
        switch body {
        case .bytes(let bytes): message.body = .bytes(bytes)
        case .file(let slice): message.body = .stream(slice, length: .known(slice.length))
        case nil: break
        }
        let request = message
        do {
            let client = try clients.client(for: url)
            return try await withTimeLimit(limit) {
                try await read(try await client.execute(request, deadline: .distantFuture))
            }
        } catch {
            try Task.checkCancellation()
            throw TransportError.translated(error)
        }
    }
}

/// A request that got no complete answer.
struct TransportError: Error {
    let reason: String
    /// Whether another attempt may do better.
    let mayPass: Bool

    /// Errors of other kinds, such as those of the disk, stay what they are.
    static func translated(_ error: any Error) -> any Error {
        switch error {
        case let error as TimeLimitExceeded:
            TransportError(reason: "it took longer than \(error.limit)", mayPass: true)
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
                TransportError(reason: "no connection in time", mayPass: true)
            case .readTimeout, .writeTimeout, .deadlineExceeded:
                TransportError(reason: "nothing moved for too long", mayPass: true)
            case .remoteConnectionClosed, .uncleanShutdown, .requestStreamCancelled:
                TransportError(reason: "the connection was closed before the answer was complete", mayPass: true)
            // Not the whole error, which may show a header.
            default:
                TransportError(
                    reason: error.proxyReason ?? error.shortDescription,
                    mayPass: error.proxyReason != nil && error != .proxyAuthenticationRequired)
            }
        case let error as NIOConnectionError:
            TransportError(
                reason: error.connectionErrors.isEmpty
                    ? "the host name \(error.host) could not be found" : "no connection to \(error.host)",
                mayPass: false)
        case let error as IOError where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode):
            TransportError(reason: "no connection: \(systemReason(error.errnoCode))", mayPass: false)
        case let error as IOError: TransportError(reason: systemReason(error.errnoCode), mayPass: true)
        case let error as ProxyError: TransportError(reason: "\(error)", mayPass: false)
        case is ChannelError, is HTTPParserError:
            TransportError(reason: "the connection broke, or what came back is no HTTP", mayPass: true)
        case is NIOTooManyBytesError: TransportError(reason: "the answer is too long", mayPass: false)
        default: error
        }
    }
}
