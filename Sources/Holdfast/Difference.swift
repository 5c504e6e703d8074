import FileIO
import Repository

/// How one state of a memory differs from another, file by file.
public struct Difference: Sendable, Equatable {
    /// A file whose content is another.
    public struct Change: Sendable, Equatable {
        public let old: FileFacts
        public let new: FileFacts
    }

    /// Each in the order of the paths.
    public private(set) var added: [FileFacts] = []
    public private(set) var changed: [Change] = []
    public private(set) var removed: [FileFacts] = []

    public var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }

    /// - Parameters: each in the order of its paths.
    public init(from old: [FileFacts], to new: [FileFacts]) {
        var (o, n) = (0, 0)
        while o < old.count || n < new.count {
            if n == new.count || o < old.count && old[o].path < new[n].path {
                removed.append(old[o])
                o += 1
            } else if o == old.count || new[n].path < old[o].path {
                added.append(new[n])
                n += 1
            } else {
                if old[o].digest != new[n].digest { changed.append(Change(old: old[o], new: new[n])) }
                o += 1
                n += 1
            }
        }
    }
}
