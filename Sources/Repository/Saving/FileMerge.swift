import FileIO

/// Two versions of one file that both came from a third.
///
/// For most files the newer version is taken, and the other stays in the history. Where the content of a file is known, both
/// can be brought together: ``SaveRequest/mergeFile`` does that.
public struct FileMerge: Sendable {
    /// One side's version.
    public enum Version: Sendable {
        /// It is stored.
        case stored(Entry)
        /// It is that of the state which is being saved.
        case captured(FileFacts)

        public var facts: FileFacts {
            switch self {
            case .stored(let entry): entry.facts
            case .captured(let facts): facts
            }
        }
    }

    /// What both sides came from; `nil` if it is in no snapshot any more. Then nothing counts as removed.
    public let base: Entry?
    public let ours: Version
    public let theirs: Entry
    /// Snapshots that have our version; none for the state that is being saved.
    public let oursIn: [Snapshot]
    /// Snapshots that have their version, or from which it was merged.
    public let theirsIn: [Snapshot]

    public var path: RelativePath { theirs.path }
    /// Whether our version wins where nothing else decides: it has the later time or, of equal times, the smaller digest.
    public var oursIsNewer: Bool { ours.facts.isLater(than: theirs.facts) }
}

/// Two versions of one file that can neither be merged nor take each other's place, such as databases without a common
/// target schema. Both stay, each in a head of its own.
public struct UnmergeableFile: Error, Sendable, CustomStringConvertible {
    public let path: RelativePath
    /// Why, in sentences.
    public let reasons: [String]

    public init(path: RelativePath, reasons: [String]) { (self.path, self.reasons) = (path, reasons) }

    public var description: String {
        "'\(path)' cannot be merged" + (reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))")
    }
}
