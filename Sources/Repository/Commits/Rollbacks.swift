import ObjectStore

extension Commit {
    private static let rollbackNote = "rollback to "

    /// The note of a commit that makes an older snapshot the newest again.
    public static func rollbackNote(to snapshot: Snapshot) -> String { rollbackNote + snapshot.shortID }

    /// Whether the commit made an older snapshot the newest again.
    public var isRollback: Bool { note?.hasPrefix(Self.rollbackNote) == true }
}

extension Repository {
    /// How many commits are looked at.
    private static let longestSearch = 20

    /// Looks for a rollback by somebody else among the commits that came after a snapshot, along the first parents.
    ///
    /// Where only one save has come since, no request is needed.
    /// - Parameter snapshot: one that the newest contains.
    /// - Returns: the latest rollback; `nil` if there is none, or none is found.
    /// - Throws: ``StoreError``.
    public func rollback(since snapshot: Snapshot, in newest: Heads) async throws -> Snapshot? {
        guard var next = newest.tip else { return nil }
        var walk = CommitWalk(self, known: newest.snapshots + [snapshot])
        for _ in 0..<Self.longestSearch {
            if next.id == snapshot.id || next.commit.seq <= snapshot.commit.seq { return nil }
            if next.commit.isRollback { return next }
            guard !next.commit.parents.contains(snapshot.reference), let parent = next.commit.parents.first,
                let older = try await walk.snapshot(parent)
            else { return nil }
            next = older
        }
        return nil
    }
}
