import CYAML

/// A YAML document, as far as a config file needs it: names, each with a plain value or a list of such.
///
/// What is nested deeper is not looked at, so that no document is expensive, whatever its aliases repeat.
enum YAMLDocument: Equatable {
    /// There is none: the text is empty, or has nothing but comments.
    case nothing
    case mapping([Item])
    /// A list or a plain value.
    case other

    struct Item: Equatable {
        /// `nil` for a name that is itself a list or a mapping.
        let name: String?
        let value: Value
    }

    enum Value: Equatable {
        case text(String)
        case list([String])
        /// Something with a list or a mapping in it.
        case nested
    }

    /// Why a text is not one YAML document.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// - Throws: ``Problem``.
    init(parsing text: String) throws(Problem) {
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBufferPointer { bytes in
            Result { () throws(Problem) -> YAMLDocument in
                // The parser holds pointers to itself and to the text: neither may move.
                let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
                defer { parser.deallocate() }
                guard yaml_parser_initialize(parser) == 1 else {
                    throw Problem(description: "there is no memory for it")
                }
                defer { yaml_parser_delete(parser) }
                yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
                let first = try Self.next(parser) ?? .nothing
                if first != .nothing, try Self.next(parser) != nil {
                    throw Problem(description: "there is more than one document in it")
                }
                return first
            }
        }
        self = try result.get()
    }

    /// - Returns: `nil` at the end.
    private static func next(_ parser: UnsafeMutablePointer<yaml_parser_t>) throws(Problem) -> YAMLDocument? {
        let document = UnsafeMutablePointer<yaml_document_t>.allocate(capacity: 1)
        defer { document.deallocate() }
        guard yaml_parser_load(parser, document) == 1 else {
            let reason = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
            let line = parser.pointee.problem_mark.line
            // A character that is none has no line.
            let place = parser.pointee.error == YAML_READER_ERROR ? "" : " in line \(line + 1)"
            throw Problem(description: reason + place)
        }
        defer { yaml_document_delete(document) }
        guard let root = yaml_document_get_root_node(document)?.pointee else { return nil }
        guard root.type == YAML_MAPPING_NODE else { return .other }
        let pairs = root.data.mapping.pairs
        return .mapping(
            UnsafeBufferPointer(start: pairs.start, count: pairs.top - pairs.start).map { pair in
                Item(name: text(pair.key, document), value: value(pair.value, document))
            })
    }

    private static func value(_ index: Int32, _ document: UnsafeMutablePointer<yaml_document_t>) -> Value {
        if let text = text(index, document) { return .text(text) }
        guard let node = yaml_document_get_node(document, index)?.pointee, node.type == YAML_SEQUENCE_NODE else {
            return .nested
        }
        let items = node.data.sequence.items
        let all = UnsafeBufferPointer(start: items.start, count: items.top - items.start)
        let texts = all.compactMap { text($0, document) }
        return texts.count == all.count ? .list(texts) : .nested
    }

    private static func text(_ index: Int32, _ document: UnsafeMutablePointer<yaml_document_t>) -> String? {
        guard let node = yaml_document_get_node(document, index)?.pointee, node.type == YAML_SCALAR_NODE else {
            return nil
        }
        let scalar = node.data.scalar
        return String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    }
}
