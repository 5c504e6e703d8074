/// An element with all that it holds.
struct XMLElement: Sendable, Equatable {
    /// The local name, without namespace prefix.
    let name: String
    /// By qualified name, `xmlns` among them.
    let attributes: [String: String]
    /// The character data that stands directly in this element, not in its children, exactly as it was sent.
    let text: String
    let children: [XMLElement]

    /// The first child of that name.
    func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// All children of that name, in document order.
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// Reads a whole document.
    ///
    /// - Parameters:
    ///   - bytes: the document in UTF-8.
    ///   - limits: how large it may be.
    /// - Returns: the root element.
    /// - Throws: ``XMLError`` for anything but one complete, well-formed document.
    static func parse(
        _ bytes: some Collection<UInt8>, limits: XMLLimits = XMLLimits()
    ) throws(XMLError) -> XMLElement {
        // Before the copy, so that too much is not copied either.
        guard bytes.count <= limits.bytes else { throw XMLError(reason: .limit("bytes"), offset: limits.bytes) }
        var reader = try XMLReader(Array(bytes), limits: limits)
        var open: [Building] = []
        var root: XMLElement?
        while let event = try reader.next() {
            switch event {
            case .start(let name, let attributes):
                open.append(Building(name: name, attributes: attributes))
            case .text(let piece):
                open[open.count - 1].text += piece
            case .end:
                let element = open.removeLast().element
                if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
            }
        }
        guard let root else { throw XMLError(reason: .empty, offset: 0) }
        return root
    }

    private struct Building {
        let name: String
        let attributes: [String: String]
        var text = ""
        var children: [XMLElement] = []
        var element: XMLElement { XMLElement(name: name, attributes: attributes, text: text, children: children) }
    }
}
