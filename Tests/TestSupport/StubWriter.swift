import Glibc
import NIOCore
import NIOHTTP1

/// Puts one answer of a ``StubServer`` on the wire.
struct StubWriter {
    let channel: any Channel
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// - Returns: what to do with the connection; a reset has already happened.
    func write(_ answer: StubResponse, to request: StubRequest) async throws -> StubResponse.Ending {
        if answer.delay > .zero { try await ContinuousClock().sleep(for: answer.delay) }
        let head = answer.head.map { Self.text($0, length: answer.body.readableBytes) } ?? ""
        let body = request.method == "HEAD" && answer.head != nil ? ByteBuffer() : answer.body
        if answer.pieceSize == 0 && answer.pieceDelay == .zero {
            // In one write, so that small answers are not split by the network.
            var all = ByteBuffer(string: head)
            all.writeImmutableBuffer(body)
            if all.readableBytes > 0 { try await outbound.write(all) }
        } else {
            try await outbound.write(ByteBuffer(string: head))
            try await writePieces(of: body, answer)
        }
        if case .reset = answer.ending { try await reset() }
        return answer.ending
    }

    private func writePieces(of body: ByteBuffer, _ answer: StubResponse) async throws {
        var rest = body
        let size = answer.pieceSize > 0 ? answer.pieceSize : max(1, rest.readableBytes)
        while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
            if answer.pieceDelay > .zero { try await ContinuousClock().sleep(for: answer.pieceDelay) }
            try await outbound.write(piece)
        }
    }

    private static func text(_ head: StubResponse.Head, length: Int) -> String {
        var headers = head.headers
        let framed = headers.contains { ["content-length", "transfer-encoding"].contains($0.name.lowercased()) }
        if !framed && head.status >= 200 && head.status != 204 && head.status != 304 {
            headers.append(("Content-Length", "\(length)"))
        }
        let lines = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        return "HTTP/1.1 \(head.status) \(HTTPResponseStatus(statusCode: head.status).reasonPhrase)\r\n\(lines)\r\n"
    }

    /// With a linger time of zero, closing sends RST instead of FIN (socket(7), SO_LINGER).
    private func reset() async throws {
        if let options = channel as? any SocketOptionProvider {
            try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try await channel.close()
    }
}
