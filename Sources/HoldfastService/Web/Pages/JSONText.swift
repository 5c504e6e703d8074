import NIOCore

/// JSON, laid out for reading: one member a line. Numbers and strings stay as they were written.
struct JSONText {
    enum Kind: Sendable { case plain, key, string, number, word }

    struct Token: Sendable, Equatable {
        let kind: Kind
        let text: String
    }

    private(set) var tokens: [Token] = []

    private let bytes: [UInt8]
    private var position = 0
    /// The brackets that are open.
    private var open: [UInt8] = []

    /// Deeper nesting is no session's.
    private static let deepest = 200

    /// - Returns: `nil` unless the bytes are one JSON value in UTF-8.
    init?(_ content: ByteBuffer) {
        bytes = Array(content.readableBytesView)
        guard String(validating: bytes, as: UTF8.self) != nil, readAll() else { return nil }
    }

    /// The lines as text.
    var lines: [String] {
        tokens.map(\.text).joined().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private enum Expected { case value, key, next, end }

    private mutating func readAll() -> Bool {
        var expected = Expected.value
        while true {
            skipSpace()
            switch expected {
            case .end: return position == bytes.count
            case .key:
                guard readString(.key) else { return false }
                skipSpace()
                guard take(":") else { return false }
                add(.plain, ": ")
                expected = .value
            case .value:
                guard let found = readValue() else { return false }
                expected = found
            case .next:
                if take(",") {
                    add(.plain, ",")
                    addLine()
                    expected = open.last == UInt8(ascii: "{") ? .key : .value
                } else {
                    guard let bracket = open.popLast(), take(bracket == UInt8(ascii: "{") ? "}" : "]") else {
                        return false
                    }
                    addLine()
                    add(.plain, bracket == UInt8(ascii: "{") ? "}" : "]")
                    expected = open.isEmpty ? .end : .next
                }
            }
        }
    }

    /// - Returns: what may follow, or `nil` if there is no value.
    private mutating func readValue() -> Expected? {
        let after = open.isEmpty ? Expected.end : .next
        guard position < bytes.count else { return nil }
        switch bytes[position] {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let bracket = bytes[position]
            let isObject = bracket == UInt8(ascii: "{")
            position += 1
            skipSpace()
            if take(isObject ? "}" : "]") {
                add(.plain, isObject ? "{}" : "[]")
                return after
            }
            guard open.count < Self.deepest else { return nil }
            open.append(bracket)
            add(.plain, isObject ? "{" : "[")
            addLine()
            return isObject ? .key : .value
        case UInt8(ascii: "\""): return readString(.string) ? after : nil
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let end = bytes[position...].firstIndex { !Self.isOfNumber($0) } ?? bytes.count
            add(.number, String(decoding: bytes[position..<end], as: UTF8.self))
            position = end
            return after
        default:
            for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
                position += word.utf8.count
                add(.word, word)
                return after
            }
            return nil
        }
    }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private mutating func readString(_ kind: Kind) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return false }
        var end = position + 1
        while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
            guard bytes[end] >= 0x20 else { return false }
            end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < bytes.count else { return false }
        add(kind, String(decoding: bytes[position...end], as: UTF8.self))
        position = end + 1
        return true
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func add(_ kind: Kind, _ text: String) { tokens.append(Token(kind: kind, text: text)) }

    private mutating func addLine() { add(.plain, "\n" + String(repeating: "  ", count: open.count)) }
}

extension JSONText {
    /// Strings shorter than this stay on one line, whatever line ends they hold.
    private static let longString = 60

    /// The tokens as markup for a `pre` element. Where a long string has line ends, lines end there, too.
    var markup: HTML {
        var markup: HTML = ""
        for token in tokens {
            switch token.kind {
            case .plain: markup += HTML(text: token.text, keepingLines: true)
            case .key: markup += "<b>\(token.text)</b>"
            case .number, .word: markup += "<i>\(token.text)</i>"
            case .string where token.text.utf8.count < Self.longString: markup += "<span>\(token.text)</span>"
            case .string: markup += "<span>\(Self.broken(token.text))</span>"
            }
        }
        return markup
    }

    private static func broken(_ string: String) -> HTML {
        var markup: HTML = ""
        var line: [UInt8] = []
        var rest = string.utf8.makeIterator()
        while let byte = rest.next() {
            line.append(byte)
            guard byte == UInt8(ascii: "\\"), let escaped = rest.next() else { continue }
            line.append(escaped)
            guard escaped == UInt8(ascii: "n") else { continue }
            markup += "\(String(decoding: line.dropLast(2), as: UTF8.self))<u>\\n</u>\n"
            line = []
        }
        return "\(markup)\(String(decoding: line, as: UTF8.self))"
    }
}
