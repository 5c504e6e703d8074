import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// An HTTP/1.1 server on loopback that answers as a test tells it to, faults included.
///
///     try await StubServer.run { request in .status(404) } _: { server in
///         … server.url …
///         #expect(server.requests.map(\.method) == ["GET"])
///     }
///
/// Answers are written as plain bytes rather than through NIO's encoder, so that they may be cut off, stalled or no
/// HTTP at all. When the closure returns, every connection is closed and every task of the server has ended.
public final class StubServer: Sendable {
    /// Gives the answer to one request; runs in a task of its connection, several at a time.
    public typealias Handler = @Sendable (StubRequest) async -> StubResponse
    /// Looks at a request before its body is read; an answer is sent at once, and the body read and dropped after it.
    public typealias EarlyHandler = @Sendable (StubRequest) async -> StubResponse?

    /// The port on 127.0.0.1.
    public let port: Int
    /// The certificate of the server, if it speaks TLS.
    public let certificate: SelfSignedCertificate?
    /// Every request in order of arrival, as it arrives. One consumer.
    public let arrivals: AsyncStream<StubRequest>

    /// How many requests are recorded, and how many bytes of each body; what is above is served but not kept.
    public static let recordedRequests = 100_000
    public static let recordedBody = 64 << 20

    private let handler: Handler
    private let early: EarlyHandler
    private let log = NIOLockedValueBox(Log())
    private let announce: AsyncStream<StubRequest>.Continuation

    private struct Log {
        var requests: [StubRequest] = []
        var arrived = 0
        var connections = 0
    }

    private init(
        port: Int, certificate: SelfSignedCertificate?, handler: @escaping Handler, early: @escaping EarlyHandler
    ) {
        (self.port, self.certificate, self.handler, self.early) = (port, certificate, handler, early)
        (arrivals, announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.recordedRequests))
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT` with TLS.
    public var url: String { certificate == nil ? "http://127.0.0.1:\(port)" : "https://localhost:\(port)" }
    /// What has arrived so far, in order.
    public var requests: [StubRequest] { log.withLockedValue { $0.requests } }
    /// How many connections have been opened so far.
    public var connections: Int { log.withLockedValue { $0.connections } }

    /// Runs a server for as long as `body` runs.
    /// - Parameters:
    ///   - certificate: speak TLS with it.
    ///   - handler: the answers.
    ///   - early: answers that do not wait for the body of the request.
    ///   - body: the test.
    @discardableResult
    public static func run<Result>(
        certificate: SelfSignedCertificate? = nil,
        handler: @escaping Handler,
        early: @escaping EarlyHandler = { _ in nil },
        _ body: (StubServer) async throws -> Result
    ) async throws -> Result {
        let tls = try certificate.map { try NIOSSLContext(configuration: $0.serverConfiguration()) }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            // Nothing is read until somebody serves the connection.
            .childChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
                    return channel
                }
            }
        guard let port = listener.channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        let server = StubServer(port: port, certificate: certificate, handler: handler, early: early)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.accept(listener) }
            defer { group.cancelAll() }
            return try await body(server)
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>

    private func accept(_ listener: NIOAsyncChannel<any Channel, Never>) async {
        await withDiscardingTaskGroup { group in
            // The only error here is the listener being closed, which is how a test ends.
            try? await listener.executeThenClose { connections in
                for try await channel in connections {
                    let number = log.withLockedValue { log in
                        log.connections += 1
                        return log.connections - 1
                    }
                    group.addTask { await self.serve(channel, number) }
                }
            }
            group.cancelAll()
        }
        announce.finish()
    }

    private func serve(_ channel: any Channel, _ number: Int) async {
        // Wrapped only now: a wrapped connection that nobody serves, since the test has just ended, would be a crash.
        let wrapped = try? await channel.eventLoop.submit { try Connection(wrappingChannelSynchronously: channel) }
            .get()
        // A client that goes away, or speaks no HTTP, ends its own connection and nothing else.
        try? await wrapped?.executeThenClose { inbound, outbound in
            try await channel.setOption(.autoRead, value: true).get()
            let writer = StubWriter(channel: channel, outbound: outbound)
            var parts = inbound.makeAsyncIterator()
            while case .head(let head)? = try await parts.next() {
                var request = StubRequest(head, connection: number)
                var ending: StubResponse.Ending?
                if let answer = await early(request) {
                    ending = try await writer.write(answer, to: record(request))
                }
                if ending == .close || ending == .reset { return }
                reading: while let part = try await parts.next() {
                    switch part {
                    case .body(let bytes): request.append(bytes, limit: Self.recordedBody)
                    case .end: break reading
                    case .head: return
                    }
                }
                if ending == nil {
                    request = record(request)
                    ending = try await writer.write(await handler(request), to: request)
                }
                switch ending {
                case .keepAlive where head.isKeepAlive: continue
                case .hang: while try await parts.next() != nil {}
                default: return
                }
            }
        }
    }

    private func record(_ request: StubRequest) -> StubRequest {
        let numbered = log.withLockedValue { log in
            var request = request
            request.index = log.arrived
            log.arrived += 1
            if log.requests.count < Self.recordedRequests { log.requests.append(request) }
            return request
        }
        announce.yield(numbered)
        return numbered
    }
}
