import AsyncHTTPClient
import HTTPProxies
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ObjectStore

/// Sends signed requests over HTTP, one attempt at a time.
struct HTTPTransport: Sendable {
    let clients: ProxiedClients
    /// Where the connections live.
    let loop: any EventLoop
    let meter: TransferMeter
    let limiter: RateLimiter?

    static let connectTimeout = 10
    static let stallTimeout = 60

    /// - Parameters:
    ///   - connections: how many requests run at once; each has a connection.
    ///   - trustRoots: the authorities to trust instead of the system's.
    ///   - proxies: which requests go through a proxy.
    init(
        connections: Int, trustRoots: [NIOSSLCertificate]?, proxies: ProxyRules, meter: TransferMeter,
        limiter: RateLimiter?
    ) {
        let stall = TimeAmount.seconds(Int64(Self.stallTimeout))
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(Int64(Self.connectTimeout)), read: stall, write: stall),
            connectionPool: .init(idleTimeout: .seconds(5), concurrentHTTP1ConnectionsPerHostSoftLimit: connections))
        // Retries are counted, jittered and reported by RequestSender; a second, hidden loop would only delay them.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        if let trustRoots {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(trustRoots)
            configuration.tlsConfiguration = tls
        }
        loop = MultiThreadedEventLoopGroup.singleton.next()
        clients = ProxiedClients(proxies, configuration: configuration, on: loop)
        self.meter = meter
        self.limiter = limiter
    }

    /// Sends one request and waits for the head of the answer.
    func send(_ request: SignableRequest, headers: HTTPHeaders, body: ByteBuffer?) async throws -> HTTPClientResponse {
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method)
        message.headers = headers
        let sent = body?.readableBytes ?? 0
        if let body {
            message.body =
                sent <= SlicedBody.length
                ? .bytes(body) : .stream(SlicedBody(content: body), length: .known(Int64(sent)))
        }
        try await limiter?.wait(for: sent)
        meter.count(requests: 1)
        // No deadline for the whole exchange: a large body takes the time it takes, and the time-outs end a stall.
        return try await clients.client(for: request.url).execute(message, deadline: .distantFuture)
    }
}

/// A body in slices. The client starts to wait for an answer when it has handed over the last one, so a body handed over
/// in one piece would have to cross a slow line within the read time-out.
struct SlicedBody: AsyncSequence, Sendable {
    /// In bytes.
    static let length = 256 << 10
    let content: ByteBuffer

    struct AsyncIterator: AsyncIteratorProtocol {
        var rest: ByteBuffer
        mutating func next() async -> ByteBuffer? {
            rest.readableBytes == 0 ? nil : rest.readSlice(length: Swift.min(length, rest.readableBytes))
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: content) }
}
