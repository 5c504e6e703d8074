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
    /// Files that the first state has, and of which it is known that the second never had them.
    public private(set) var notHere: [FileFacts] = []
    /// Paths that could not be compared, each with the reason.
    public private(set) var unknown: [Unknown] = []

    /// A path that could not be compared.
    public struct Unknown: Sendable, Equatable {
        public let path: RelativePath
        public let reason: String
    }

    /// Both states are known to be the same.
    public var isEmpty: Bool {
        added.isEmpty && changed.isEmpty && removed.isEmpty && notHere.isEmpty && unknown.isEmpty
    }

    /// Takes out what cannot be compared.
    /// - Parameter reasons: why files, and directories with all below them, say nothing.
    mutating func setAside(_ reasons: [RelativePath: String]) {
        guard !reasons.isEmpty else { return }
        var uncovered = reasons
        var found: [Unknown] = []
        func isUnknown(_ path: RelativePath) -> Bool {
            guard let key = ([path] + path.ancestors).first(where: { reasons[$0] != nil }), let reason = reasons[key]
            else {
                return false
            }
            uncovered[key] = nil
            found.append(Unknown(path: path, reason: reason))
            return true
        }
        added.removeAll { isUnknown($0.path) }
        changed.removeAll { isUnknown($0.new.path) }
        removed.removeAll { isUnknown($0.path) }
        found += uncovered.map { Unknown(path: $0.key, reason: $0.value) }
        unknown = (unknown + found).sorted { $0.path < $1.path }
    }

    /// Takes out the paths that one of two snapshots was made without: left out is neither removed nor added.
    public mutating func setAside(leftOutBefore old: ScopeFilter?, leftOutAfter new: ScopeFilter?) {
        let reason = "the other snapshot leaves it out"
        let hidden =
            removed.filter { new?.contains($0.path) == false } + added.filter { old?.contains($0.path) == false }
        guard !hidden.isEmpty else { return }
        setAside(Dictionary(hidden.map { ($0.path, reason) }) { first, _ in first })
    }

    /// Counts missing files as removed only where the second state is known to have had them.
    mutating func tellRemoved(_ hadIt: (RelativePath) -> Bool) {
        notHere += removed.filter { !hadIt($0.path) }
        removed.removeAll { !hadIt($0.path) }
    }

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
