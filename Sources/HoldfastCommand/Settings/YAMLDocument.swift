import CYAML

/// A YAML document, as far as a config file needs it: names, each with a plain value, a list, or a mapping.
///
/// An alias counts as often as it is used, and the number of values is limited, so that no document is expensive.
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

    indirect enum Value: Equatable {
        case text(String)
        case list([Value])
        case mapping([Item])

        /// The plain value, or the plain values of a list; `nil` for anything else.
        var texts: [String]? {
            switch self {
            case .text(let text): return [text]
            case .list(let items):
                let texts = items.compactMap(\.text)
                return texts.count == items.count ? texts : nil
            case .mapping: return nil
            }
        }

        var text: String? { if case .text(let text) = self { text } else { nil } }
    }

    /// How many values a document may have.
    private static let mostValues = 10_000

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
        var reader = Reader(document: document, left: mostValues)
        return .mapping(try reader.items(of: root))
    }

    /// Reads the values of one document.
    private struct Reader {
        let document: UnsafeMutablePointer<yaml_document_t>
        /// How many more values may come.
        var left: Int

        mutating func items(of node: yaml_node_t) throws(Problem) -> [Item] {
            let pairs = node.data.mapping.pairs
            var items: [Item] = []
            for pair in UnsafeBufferPointer(start: pairs.start, count: pairs.top - pairs.start) {
                items.append(Item(name: try value(pair.key).text, value: try value(pair.value)))
            }
            return items
        }

        private mutating func value(_ index: Int32) throws(Problem) -> Value {
            left -= 1
            guard left > 0 else { throw Problem(description: "it has more than \(mostValues) values") }
            guard let node = yaml_document_get_node(document, index)?.pointee else { return .text("") }
            switch node.type {
            case YAML_MAPPING_NODE: return .mapping(try items(of: node))
            case YAML_SEQUENCE_NODE:
                let items = node.data.sequence.items
                var values: [Value] = []
                for item in UnsafeBufferPointer(start: items.start, count: items.top - items.start) {
                    values.append(try value(item))
                }
                return .list(values)
            default:
                let scalar = node.data.scalar
                return .text(
                    String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self))
            }
        }
    }
}
