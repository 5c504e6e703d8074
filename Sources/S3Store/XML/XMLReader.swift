/// Parts of a document that ``XMLReader`` meets on its way.
enum XMLEvent: Sendable, Equatable {
    /// A start tag, or an empty-element tag, which is followed by its own `end`.
    case start(name: String, attributes: [String: String])
    /// Character data, decoded. One stretch of text may come in several pieces.
    case text(String)
    case end
}

/// A pull parser for the XML that object stores send: UTF-8, without document type.
///
/// It follows XML 1.0 (fifth edition) for well-formedness. Of namespaces it knows only that the local name of an
/// element comes after the colon, because stores differ in the namespace that they declare. It works on bytes and makes
/// a string only of what it reports.
struct XMLReader {
    private var cursor: XMLCursor
    private let limits: XMLLimits
    /// The names of the open elements, as they stand in the document.
    private var open: [Range<Int>] = []
    private var elements = 0
    private var sawRoot = false
    private var pendingEnd = false

    /// - Throws: ``XMLError`` if the document is too large, not UTF-8, or begins with an unusable declaration.
    init(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLError) {
        guard bytes.count <= limits.bytes else { throw XMLError(reason: .limit("bytes"), offset: limits.bytes) }
        // Once the whole is known to be UTF-8, every part between two ASCII delimiters is as well.
        guard String(validating: bytes, as: UTF8.self) != nil else { throw XMLError(reason: .notUTF8, offset: 0) }
        cursor = XMLCursor(bytes, nameLimit: limits.nameBytes)
        self.limits = limits
        cursor.skip("\u{FEFF}")
        if cursor.startsDeclaration { try readDeclaration() }
    }

    /// The next event, or `nil` once the document has ended as it should.
    mutating func next() throws(XMLError) -> XMLEvent? {
        if pendingEnd {
            pendingEnd = false
            return close()
        }
        while true {
            guard let byte = cursor.peek else {
                if !open.isEmpty { throw cursor.error(.truncated) }
                if !sawRoot { throw cursor.error(.empty) }
                return nil
            }
            if byte != UInt8(ascii: "<") {
                if !open.isEmpty { return .text(try cursor.characterData()) }
                guard cursor.skipSpace() else {
                    throw cursor.error(.malformed("there is text outside the root element"))
                }
            } else if let event = try readMarkup() {
                return event
            }
        }
    }

    private mutating func readMarkup() throws(XMLError) -> XMLEvent? {
        if cursor.skip("</") { return try readEndTag() }
        if cursor.skip("<?") {
            try cursor.skipProcessingInstruction()
        } else if cursor.skip("<!--") {
            try cursor.skipComment()
        } else if cursor.skip("<![CDATA[") {
            if open.isEmpty { throw cursor.error(.malformed("there is text outside the root element")) }
            return .text(try cursor.characterDataSection())
        } else if cursor.skip("<!DOCTYPE") {
            throw cursor.error(.documentType)
        } else {
            return try readStartTag()
        }
        return nil
    }

    private mutating func readStartTag() throws(XMLError) -> XMLEvent {
        if sawRoot && open.isEmpty { throw cursor.error(.malformed("there is more than one root element")) }
        cursor.skip("<")
        let name = try cursor.name()
        let (attributes, closed) = try readAttributes(until: ">", or: "/>")
        elements += 1
        if elements > limits.elements { throw cursor.error(.limit("elements")) }
        if open.count == limits.depth { throw cursor.error(.limit("levels")) }
        open.append(name)
        sawRoot = true
        pendingEnd = closed
        return .start(name: try cursor.localName(name), attributes: attributes)
    }

    private mutating func readEndTag() throws(XMLError) -> XMLEvent {
        let name = try cursor.name()
        cursor.skipSpace()
        if cursor.isAtEnd { throw cursor.error(.truncated) }
        guard cursor.skip(">"), let opened = open.last, cursor.same(name, opened) else {
            throw cursor.error(.malformed("an end tag does not match its start tag"))
        }
        return close()
    }

    private mutating func close() -> XMLEvent {
        open.removeLast()
        return .end
    }

    /// - Returns: the attributes, and whether the tag ended with the second of the two endings.
    private mutating func readAttributes(
        until ending: StaticString, or other: StaticString? = nil
    ) throws(XMLError) -> ([String: String], Bool) {
        var attributes: [String: String] = [:]
        while true {
            let spaced = cursor.skipSpace()
            if cursor.skip(ending) { return (attributes, false) }
            if let other, cursor.skip(other) { return (attributes, true) }
            if cursor.isAtEnd { throw cursor.error(.truncated) }
            guard spaced else { throw cursor.error(.malformed("attributes are not separated by white space")) }
            let (name, value) = try cursor.attribute()
            guard attributes.updateValue(value, forKey: name) == nil else {
                throw cursor.error(.malformed("an attribute is given twice"))
            }
            if attributes.count > limits.attributes { throw cursor.error(.limit("attributes")) }
        }
    }

    private mutating func readDeclaration() throws(XMLError) {
        cursor.skip("<?xml")
        let (attributes, _) = try readAttributes(until: "?>")
        guard let version = attributes["version"], version.utf8.starts(with: "1.".utf8) else {
            throw cursor.error(.malformed("the XML declaration has no known version"))
        }
        if let encoding = attributes["encoding"], !["utf-8", "us-ascii", "utf8"].contains(encoding.lowercased()) {
            throw cursor.error(.notUTF8)
        }
    }
}
