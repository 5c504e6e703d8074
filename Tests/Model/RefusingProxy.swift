import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TestSupport

/// Stands before an S3 server, and refuses the requests that it is told to refuse.
struct RefusingProxy: Sendable {
    private let port: Int
    private let refusal = NIOLockedValueBox<Step.Refusal?>(nil)

    /// - Parameter port: of the server on this machine.
    init(before port: Int) { self.port = port }

    /// Gives the body the URL of the proxy and a way to tell it what it refuses.
    func run<Result>(_ body: (String, @escaping @Sendable (Step.Refusal?) -> Bool) async throws -> Result) async throws
        -> Result
    {
        try await StubServer.run(handler: answer) { stub in
            try await body(stub.url) { new in
                refusal.withLockedValue { $0 = new }
                return new != nil
            }
        }
    }

    private func answer(_ request: StubRequest) async -> StubResponse {
        if let refusal = refusal.withLockedValue({ $0 }), refusal.method == "any" || refusal.method == request.method,
            request.path.contains(refusal.part)
        {
            let code = [403: "AccessDenied", 423: "Locked", 503: "SlowDown"][refusal.status] ?? "Refused"
            return .text(
                "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>refused</Message></Error>",
                status: refusal.status, headers: [("Content-Type", "application/xml")])
        }
        do { return .raw(try await forward(request).readableBytesView) } catch { return .closeWithoutAnswer }
    }

    /// Sends a request on as it came, so that its signature holds, and reads the answer to its end.
    private func forward(_ request: StubRequest) async throws -> ByteBuffer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let hop = ["connection", "transfer-encoding", "content-length", "expect"]
        let kept = request.headers.filter { !hop.contains($0.name.lowercased()) }
        var head = ByteBuffer(string: "\(request.method) \(request.uri) HTTP/1.1\r\n")
        for header in kept { head.writeString("\(header.name): \(header.value)\r\n") }
        if request.bodyLength > 0 || ["PUT", "POST"].contains(request.method) {
            head.writeString("Content-Length: \(request.bodyLength)\r\n")
        }
        head.writeString("Connection: close\r\n\r\n")
        let message = head
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(message)
            if request.bodyLength > 0 { try await outbound.write(request.body) }
            var answer = ByteBuffer()
            for try await part in inbound { answer.writeImmutableBuffer(part) }
            return answer
        }
    }
}
