import Repository

/// Some snapshots of a memory that follow each other, the newest first.
struct SnapshotPage: Sendable {
    let snapshots: [Snapshot]
    /// Commits among them that cannot be read.
    let damaged: [Heads.Damage]
    /// Snapshots in the memory.
    let total: Int
    /// The number before which the next page begins; `nil` if there are no older ones.
    let older: UInt64?
    /// The first of them is the newest of all.
    let isNewest: Bool

    init(_ history: History, before: UInt64?) {
        snapshots = history.snapshots
        damaged = history.damaged
        total = history.written.count
        let last = (history.snapshots.map(\.name.sequence) + history.damaged.map(\.name.sequence)).min()
        older = last.flatMap { last in history.written.keys.contains { $0.sequence < last } ? last : nil }
        isNewest = before == nil
    }

    /// The snapshots that no other contains. More than one after saves that could not see each other.
    var heads: Int {
        guard isNewest, let newest = snapshots.first else { return 0 }
        let contained = snapshots.reduce(into: Set<CommitName>()) { $0.formUnion($1.commit.namedCommits) }
        // Of snapshots that are older than what the newest one names, it is not known.
        let known = snapshots.prefix(max(1, newest.commit.ancestors.count))
        return known.count { !contained.contains($0.name) }
    }
}
