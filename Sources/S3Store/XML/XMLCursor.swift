/// The place of the parser in the bytes, and the small productions of XML 1.0 that are read from there.
struct XMLCursor {
    private let bytes: [UInt8]
    private let nameLimit: Int
    private var position = 0

    init(_ bytes: [UInt8], nameLimit: Int) {
        self.bytes = bytes
        self.nameLimit = nameLimit
    }

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }
    var isAtEnd: Bool { position >= bytes.count }
    func error(_ reason: XMLError.Reason) -> XMLError { XMLError(reason: reason, offset: min(position, bytes.count)) }

    /// An XML declaration, and not a processing instruction whose name merely begins the same way.
    var startsDeclaration: Bool {
        starts(with: "<?xml") && position + 5 < bytes.count && Self.isSpace(bytes[position + 5])
    }

    private func starts(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] { return false }
        return true
    }

    @discardableResult
    mutating func skip(_ text: StaticString) -> Bool {
        guard starts(with: text) else { return false }
        position += text.utf8CodeUnitCount
        return true
    }

    @discardableResult
    mutating func skipSpace() -> Bool {
        let before = position
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
        return position > before
    }

    // MARK: Names and attributes (§2.3, §3.1)

    mutating func name() throws(XMLError) -> Range<Int> {
        let start = position
        while position < bytes.count, Self.isName(bytes[position]) {
            if bytes[position] < 0x80 { position += 1 } else { try step() }
        }
        if isAtEnd { throw error(.truncated) }
        guard position > start, Self.isNameStart(bytes[start]) else { throw error(.malformed("a name is expected")) }
        guard position - start <= nameLimit else { throw error(.limit("bytes in a name")) }
        return start..<position
    }

    func same(_ a: Range<Int>, _ b: Range<Int>) -> Bool { bytes[a] == bytes[b] }

    /// The part of a name after its namespace prefix.
    func localName(_ name: Range<Int>) throws(XMLError) -> String {
        let local = bytes[name].lastIndex(of: UInt8(ascii: ":")).map { $0 + 1 } ?? name.lowerBound
        guard local < name.upperBound, Self.isNameStart(bytes[local]) else {
            throw error(.malformed("nothing follows the prefix of a name"))
        }
        return text(local..<name.upperBound)
    }

    mutating func attribute() throws(XMLError) -> (name: String, value: String) {
        let name = try name()
        skipSpace()
        guard skip("=") else { throw error(isAtEnd ? .truncated : .malformed("an attribute has no value")) }
        skipSpace()
        guard let quote = peek else { throw error(.truncated) }
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            throw error(.malformed("an attribute value is not quoted"))
        }
        position += 1
        var value: [UInt8] = []
        while let byte = peek, byte != quote {
            switch byte {
            case UInt8(ascii: "<"): throw error(.malformed("an attribute value holds a '<'"))
            case UInt8(ascii: "&"): try reference(into: &value)
            case 0x09, 0x0A, 0x0D: value.append(0x20); position += 1
            default: value.append(byte); try step()
            }
        }
        guard !isAtEnd else { throw error(.truncated) }
        position += 1
        return (text(name), String(decoding: value, as: UTF8.self))
    }

    // MARK: Character data (§2.4, §2.7, §2.11, §4.1)

    /// Text up to the next tag, comment, processing instruction or CDATA section.
    mutating func characterData() throws(XMLError) -> String {
        let start = position
        while true {
            while position < bytes.count, Self.isPlain(bytes[position]) { position += 1 }
            guard let byte = peek, byte != UInt8(ascii: "<") else { return text(start..<position) }
            if byte == UInt8(ascii: "&") || byte == 0x0D { return try decodedCharacterData(from: start) }
            try stepOverText(from: start)
        }
    }

    /// The slow way, taken where the text differs from the bytes: it holds a reference or a carriage return.
    private mutating func decodedCharacterData(from start: Int) throws(XMLError) -> String {
        var result = Array(bytes[start..<position])
        while let byte = peek, byte != UInt8(ascii: "<") {
            if byte == UInt8(ascii: "&") {
                try reference(into: &result)
            } else if byte == 0x0D {
                lineEnd(into: &result)
            } else {
                result.append(byte)
                try stepOverText(from: start)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private mutating func stepOverText(from start: Int) throws(XMLError) {
        if bytes[position] == UInt8(ascii: ">"), position >= start + 2, bytes[position - 1] == UInt8(ascii: "]"),
            bytes[position - 2] == UInt8(ascii: "]")
        {
            throw error(.malformed("']]>' stands in text"))
        }
        try step()
    }

    /// Reads the rest of a CDATA section whose opening has been read.
    mutating func characterDataSection() throws(XMLError) -> String {
        var result: [UInt8] = []
        while !skip("]]>") {
            guard let byte = peek else { throw error(.truncated) }
            if byte == 0x0D {
                lineEnd(into: &result)
            } else {
                result.append(byte)
                try step()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// A carriage return, alone or before a line feed, is read as one line feed.
    private mutating func lineEnd(into result: inout [UInt8]) {
        position += 1
        if peek != 0x0A { result.append(0x0A) }
    }

    private mutating func reference(into result: inout [UInt8]) throws(XMLError) {
        let start = position + 1
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: ";") {
            // Longer than `&#x0010FFFF;` is nothing that anyone means.
            guard Self.isName(bytes[end]) || bytes[end] == UInt8(ascii: "#"), end - start < 16 else {
                throw error(.malformed("an '&' begins no reference"))
            }
            end += 1
        }
        guard end < bytes.count else { throw error(.truncated) }
        guard end > start else { throw error(.malformed("an '&' begins no reference")) }
        let name = bytes[start..<end]
        if name.first == UInt8(ascii: "#") {
            let scalar = try character(name.dropFirst())
            result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        } else if let known = Self.predefined.first(where: { name.elementsEqual($0.name.utf8) }) {
            result.append(known.byte)
        } else {
            throw error(.unknownEntity)
        }
        position = end + 1
    }

    private static let predefined: [(name: String, byte: UInt8)] = [
        ("amp", UInt8(ascii: "&")), ("lt", UInt8(ascii: "<")), ("gt", UInt8(ascii: ">")),
        ("quot", UInt8(ascii: "\"")), ("apos", UInt8(ascii: "'")),
    ]

    private func character(_ number: ArraySlice<UInt8>) throws(XMLError) -> Unicode.Scalar {
        let hexadecimal = number.first == UInt8(ascii: "x")
        let digits = hexadecimal ? number.dropFirst() : number
        // `UInt32` alone would accept a sign.
        guard let first = digits.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: hexadecimal ? 16 : 10)
        else { throw error(.malformed("a character reference is not a number")) }
        guard let scalar = Unicode.Scalar(value), value >= 0x20 || value == 9 || value == 10 || value == 13,
            value != 0xFFFE, value != 0xFFFF
        else { throw error(.illegalCharacter) }
        return scalar
    }

    // MARK: What is skipped (§2.5, §2.6)

    mutating func skipComment() throws(XMLError) {
        while !skip("--") { try stepOrEnd() }
        guard skip(">") else { throw error(isAtEnd ? .truncated : .malformed("'--' stands in a comment")) }
    }

    mutating func skipProcessingInstruction() throws(XMLError) {
        let target = try name()
        if text(target).lowercased() == "xml" { throw error(.malformed("the XML declaration is not at the start")) }
        guard starts(with: "?>") || skipSpace() else {
            throw error(.malformed("a processing instruction has a bad name"))
        }
        while !skip("?>") { try stepOrEnd() }
    }

    // MARK: Characters

    private mutating func stepOrEnd() throws(XMLError) {
        if isAtEnd { throw error(.truncated) }
        try step()
    }

    /// Moves on by one byte, after a look whether it may stand in a document at all (§2.2).
    private mutating func step() throws(XMLError) {
        let byte = bytes[position]
        if byte < 0x20 {
            guard Self.isSpace(byte) else { throw error(.illegalCharacter) }
        } else if byte == 0xEF, bytes.count - position >= 3, bytes[position + 1] == 0xBF, bytes[position + 2] >= 0xBE {
            throw error(.illegalCharacter)  // U+FFFE and U+FFFF
        }
        position += 1
    }

    /// Bytes of text that need no second look: all but the ends of text, references, line ends, and what may be part of
    /// something that is not allowed.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "<") && byte != UInt8(ascii: "&") && byte != UInt8(ascii: ">")
            && byte != 0xEF
            || byte == 0x0A || byte == 0x09
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// Letters outside ASCII are not told apart from other signs there: no name that means anything here has them.
    private static func isNameStart(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F || byte == 0x3A || byte >= 0x80
    }

    private static func isName(_ byte: UInt8) -> Bool {
        isNameStart(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E
    }
}
