import NIOCore

/// What a ``StubServer`` sends back, and what it does then.
public struct StubResponse: Sendable {
    /// What happens after the last byte.
    public enum Ending: Sendable {
        /// Wait for the next request.
        case keepAlive
        /// Close the connection in order.
        case close
        /// Break the connection, so that the client sees a reset.
        case reset
        /// Send nothing more and keep the connection open until the client leaves or the test ends.
        case hang
    }

    /// Status and headers; `nil` sends no head at all.
    public var head: Head?
    public var body: ByteBuffer
    /// Wait before the first byte.
    public var delay: Duration = .zero
    /// Send the body in pieces of that many bytes; 0 for in one.
    public var pieceSize = 0
    /// Wait before each piece of the body.
    public var pieceDelay: Duration = .zero
    public var ending: Ending

    public struct Head: Sendable {
        public var status: Int
        /// `Content-Length` is added unless a framing header is here.
        public var headers: [(name: String, value: String)]
    }

    /// An ordinary answer.
    public init(
        status: Int = 200, headers: [(name: String, value: String)] = [], body: ByteBuffer = ByteBuffer(),
        delay: Duration = .zero, ending: Ending = .keepAlive
    ) {
        head = Head(status: status, headers: headers)
        (self.body, self.delay, self.ending) = (body, delay, ending)
    }

    private init(head: Head?, body: ByteBuffer, ending: Ending) {
        (self.head, self.body, self.ending) = (head, body, ending)
    }

    /// An answer with a text.
    public static func text(
        _ text: String, status: Int = 200, headers: [(name: String, value: String)] = []
    ) -> StubResponse {
        StubResponse(status: status, headers: headers, body: ByteBuffer(string: text))
    }

    /// An answer without a body.
    public static func status(_ status: Int, headers: [(name: String, value: String)] = []) -> StubResponse {
        StubResponse(status: status, headers: headers)
    }

    /// No answer at all: the client has to give up by itself.
    public static let hang = StubResponse(head: nil, body: ByteBuffer(), ending: .hang)
    /// The connection is closed instead of an answer.
    public static let closeWithoutAnswer = StubResponse(head: nil, body: ByteBuffer(), ending: .close)
    /// The connection is reset instead of an answer.
    public static let reset = StubResponse(head: nil, body: ByteBuffer(), ending: .reset)

    /// Bytes that need not be HTTP, then the end of the connection.
    public static func raw(_ bytes: some Sequence<UInt8>, ending: Ending = .close) -> StubResponse {
        StubResponse(head: nil, body: ByteBuffer(bytes: bytes), ending: ending)
    }

    /// A body that is shorter than its `Content-Length` says.
    /// - Parameters:
    ///   - declaredLength: what `Content-Length` says.
    ///   - bytes: what is sent.
    ///   - ending: `.close`, `.reset`, or `.hang` for a body that stalls.
    public static func truncatedBody(
        declaredLength: Int, bytes: some Sequence<UInt8>, status: Int = 200,
        headers: [(name: String, value: String)] = [], ending: Ending = .close
    ) -> StubResponse {
        StubResponse(
            head: Head(status: status, headers: headers + [("Content-Length", "\(declaredLength)")]),
            body: ByteBuffer(bytes: bytes), ending: ending)
    }
}
