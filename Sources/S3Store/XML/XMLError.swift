/// Why a document was refused, and where.
struct XMLError: Error, Sendable, Equatable {
    enum Reason: Sendable, Equatable {
        /// Nothing but white space.
        case empty
        /// The bytes end before the document does.
        case truncated
        /// Not well-formed XML 1.0; the text says which rule is broken.
        case malformed(String)
        /// A document type declaration: refused, for it is the door to entity expansion and external files.
        case documentType
        /// An entity other than `amp`, `lt`, `gt`, `quot` and `apos`.
        case unknownEntity
        /// A character that XML 1.0 §2.2 does not allow, raw or as a reference.
        case illegalCharacter
        /// Bytes that are not UTF-8, or a declared encoding that is not.
        case notUTF8
        /// Larger than ``XMLLimits`` allows; the text names the limit.
        case limit(String)
    }

    let reason: Reason
    /// Bytes before the place where the parser gave up.
    let offset: Int
}

extension XMLError: CustomStringConvertible {
    var description: String {
        let what =
            switch reason {
            case .empty: "it is empty"
            case .truncated: "it is cut off"
            case .malformed(let rule): rule
            case .documentType: "it has a document type declaration, which is refused"
            case .unknownEntity: "it refers to an entity that is not predefined"
            case .illegalCharacter: "it holds a character that XML does not allow"
            case .notUTF8: "it is not UTF-8"
            case .limit(let name): "it has too many \(name)"
            }
        return "the XML could not be read: \(what) (at byte \(offset))"
    }
}
