import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A proxy on loopback that opens tunnels (`CONNECT`, RFC 9110 §9.3.6), and knows names that nobody else does.
///
///     try await TunnelProxy.run(to: server.port) { proxy in
///         … HTTPS_PROXY=proxy.url, https://store.test …
///         #expect(proxy.asked.map(\.target) == ["store.test:443"])
///     }
public final class TunnelProxy: Sendable {
    /// What a client has asked for.
    public struct Asked: Sendable {
        /// Host and port.
        public let target: String
        /// All lines behind the first.
        public let headers: String
    }

    public let port: Int
    public var url: String { "http://127.0.0.1:\(port)" }
    /// In order of arrival.
    public var asked: [Asked] { log.withLockedValue { $0 } }

    private let log = NIOLockedValueBox<[Asked]>([])
    private let destination: Int
    private let answer: @Sendable (Asked) -> String

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private init(port: Int, destination: Int, answer: @escaping @Sendable (Asked) -> String) {
        (self.port, self.destination, self.answer) = (port, destination, answer)
    }

    /// Runs a proxy for as long as `body` runs.
    /// - Parameters:
    ///   - destination: the port of this machine that all tunnels lead to, whatever is asked for.
    ///   - answer: status code and reason; other than 200, no tunnel is opened.
    @discardableResult
    public static func run<Result>(
        to destination: Int, answer: @escaping @Sendable (Asked) -> String = { _ in "200 Tunnel" },
        _ body: (TunnelProxy) async throws -> Result
    ) async throws -> Result {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0) { channel in channel.eventLoop.makeSucceededFuture(channel) }
        guard let port = listener.channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        let proxy = TunnelProxy(port: port, destination: destination, answer: answer)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await proxy.accept(listener) }
            defer { group.cancelAll() }
            return try await body(proxy)
        }
    }

    private func accept(_ listener: NIOAsyncChannel<any Channel, Never>) async {
        await withDiscardingTaskGroup { group in
            // The only error here is the listener being closed, which is how a test ends.
            try? await listener.executeThenClose { connections in
                for try await channel in connections { group.addTask { try? await self.serve(channel) } }
            }
            group.cancelAll()
        }
    }

    private func serve(_ channel: any Channel) async throws {
        // Wrapped only now: a wrapped connection that nobody serves, since the test has just ended, would be a crash.
        let client = try await Self.wrapped(channel)
        try await client.executeThenClose { inbound, outbound in
            try await channel.setOption(.autoRead, value: true).get()
            var parts = inbound.makeAsyncIterator()
            guard let asked = try await Self.request(&parts) else { return }
            log.withLockedValue { $0.append(asked) }
            let answer = answer(asked)
            guard answer.hasPrefix("200") else {
                return try await outbound.write(ByteBuffer(string: "HTTP/1.1 \(answer)\r\nContent-Length: 0\r\n\r\n"))
            }
            let there = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: destination) { channel in
                    channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
                }
            try await there.executeThenClose { fromThere, toThere in
                try await outbound.write(ByteBuffer(string: "HTTP/1.1 \(answer)\r\n\r\n"))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for try await part in fromThere { try await outbound.write(part) } }
                    while let part = try await parts.next() { try await toThere.write(part) }
                    // Whoever closes first closes both.
                    group.cancelAll()
                }
            }
        }
    }

    private static func wrapped(_ channel: any Channel) async throws -> Connection {
        try await channel.eventLoop.submit { try Connection(wrappingChannelSynchronously: channel) }.get()
    }

    /// Reads up to the empty line. A client says nothing more before it has the answer.
    private static func request(
        _ parts: inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    ) async throws -> Asked? {
        var text = ""
        while !text.hasSuffix("\r\n\r\n") {
            guard let part = try await parts.next() else { return nil }
            text += String(buffer: part)
        }
        let lines = text.split(separator: "\r\n", maxSplits: 1)
        let words = lines[0].split(separator: " ")
        guard words.count == 3, words[0] == "CONNECT" else { return nil }
        return Asked(target: String(words[1]), headers: String(lines.count > 1 ? lines[1] : ""))
    }
}
