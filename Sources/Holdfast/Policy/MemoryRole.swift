import S3Store

/// What somebody is there for, and so what must be allowed to them.
public enum MemoryRole: String, Sendable, CaseIterable {
    /// An agent's run or a daemon: pushes and pulls, follows the mirror view, rolls back, verifies.
    case run
    /// Looks, restores and verifies; changes nothing.
    case read
    /// Removes old snapshots and what only they need.
    case prune

    /// What the role does with each part of a memory: the table that the policies are made of.
    ///
    /// `MemoryRoleTests` runs every command against a store that writes down what is asked of it, and finds neither more
    /// nor less than this. No run deletes commits or packs, nor writes what a prune believes.
    /// - Parameter keepsMirror: whether the mirror view is kept up; it is read in any case, to be adopted.
    public func operations(on part: MemoryPart, keepsMirror: Bool = true) -> [StoreOperation] {
        switch (self, part) {
        case (.run, .commits): [.list, .read, .write]
        case (.run, .packs): [.list, .read, .write, .writeInParts]
        case (.run, .mirrorView): keepsMirror ? [.list, .read, .write, .writeInParts, .delete] : [.list, .read]
        case (.run, .mirrorMark): keepsMirror ? [.read, .write, .delete] : []
        case (.run, .probes): [.read, .write, .delete]
        case (.read, .commits), (.read, .packs), (.read, .mirrorView): [.list, .read]
        case (.prune, .commits), (.prune, .packs): [.list, .read, .delete]
        case (.prune, .probes): [.list, .delete]
        case (.prune, .pruneMarks): [.list, .read, .write, .delete]
        case (.run, .pruneMarks), (.read, _), (.prune, .mirrorView), (.prune, .mirrorMark): []
        }
    }
}
