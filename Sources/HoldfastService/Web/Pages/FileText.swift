import NIOCore

/// What a file holds, by its content.
enum FileText {
    case json(JSONText)
    case text(String)
    case database
    case binary

    init(_ content: ByteBuffer) {
        if content.readableBytesView.starts(with: "SQLite format 3\0".utf8) {
            self = .database
        } else if let json = JSONText(content) {
            self = .json(json)
        } else if let text = String(validating: Self.whole(content.readableBytesView), as: UTF8.self),
            !text.utf8.contains(0)
        {
            self = .text(text)
        } else {
            self = .binary
        }
    }

    /// The start of a text may end in the middle of a character: that one is left out.
    private static func whole(_ bytes: ByteBufferView) -> ByteBufferView.SubSequence {
        let tail = bytes.suffix(4).reversed().prefix { $0 & 0xC0 == 0x80 }.count
        guard tail < 4, bytes.count > tail else { return bytes[...] }
        let lead = bytes[bytes.endIndex - tail - 1]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1
        return length > tail + 1 ? bytes.dropLast(tail + 1) : bytes[...]
    }

    /// The lines of a text, or of JSON laid out for reading.
    var lines: [String]? {
        switch self {
        case .json(let json): json.lines
        case .text(let text): text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        case .database, .binary: nil
        }
    }
}
