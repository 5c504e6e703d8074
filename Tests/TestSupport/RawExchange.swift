import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Sends bytes to a port of this machine and reads until the other side closes the connection: what a client library would
/// not send, or would hide.
/// - Parameter onPart: is told all that has been read, again and again.
/// - Returns: what was read.
public func rawExchange(
    _ request: String, port: Int, onPart: @Sendable (String) async -> Void = { _ in }
) async throws -> String {
    let received = NIOLockedValueBox("")
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
    try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: request))
        for try await part in inbound {
            received.withLockedValue { $0 += String(buffer: part) }
            await onPart(received.withLockedValue { $0 })
        }
    }
    return received.withLockedValue { $0 }
}

/// A port of 127.0.0.1 that something listens on for as long as the body runs; nothing ever answers there.
public func withTakenPort<Result>(_ body: (Int) async throws -> Result) async throws -> Result {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let result: Result
    do { result = try await body(channel.localAddress?.port ?? 0) } catch {
        try await channel.close()
        throw error
    }
    try await channel.close()
    return result
}
