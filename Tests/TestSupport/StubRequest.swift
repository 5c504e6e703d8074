import NIOCore
import NIOHTTP1

/// A request as it arrived at a ``StubServer``.
public struct StubRequest: Sendable {
    public let method: String
    /// The request target exactly as sent: path and query, still encoded.
    public let uri: String
    /// In the order sent, names as sent.
    public let headers: [(name: String, value: String)]
    /// The body, up to ``StubServer/recordedBody`` bytes of it.
    public private(set) var body = ByteBuffer()
    /// How long the body was.
    public private(set) var bodyLength = 0
    /// 0 for the first request that the server received.
    public internal(set) var index = 0
    /// 0 for the first connection; requests with the same number came one after the other on one connection.
    public let connection: Int

    init(_ head: HTTPRequestHead, connection: Int) {
        method = head.method.rawValue
        uri = head.uri
        headers = head.headers.map { ($0.name, $0.value) }
        self.connection = connection
    }

    mutating func append(_ bytes: ByteBuffer, limit: Int) {
        bodyLength += bytes.readableBytes
        body.writeImmutableBuffer(
            bytes.getSlice(at: bytes.readerIndex, length: min(bytes.readableBytes, limit - body.readableBytes))
                ?? ByteBuffer())
    }

    /// The part of the target before `?`.
    public var path: String { String(uri.prefix { $0 != "?" }) }
    /// The part of the target after `?`, still encoded; empty if there is none.
    public var query: String { String(uri.drop { $0 != "?" }.dropFirst()) }
    /// The body as text.
    public var text: String { String(buffer: body) }

    /// The first header of that name, in any case of letters.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
