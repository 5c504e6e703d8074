/// How a snapshot that a machine remembers stands to the newest ones.
public enum Lineage: Sendable {
    /// It is one of them, or they were made from it.
    case contained
    /// It was made from one of them: the store fell back behind it.
    case newer
    /// Nothing shows that they have anything in common: the memory was made anew, or the snapshot was pruned long ago.
    case unrelated
}

extension Repository {
    /// Finds out how a snapshot stands to the newest ones.
    ///
    /// A name alone proves nothing, since a memory that was deleted and made anew has the same numbers. So unless a newest
    /// snapshot names it as a parent, with its hash, the commit under the name is read and compared.
    /// - Throws: ``StoreError``.
    public func lineage(of snapshot: Snapshot, to newest: Heads) async throws -> Lineage {
        for head in newest.snapshots {
            if head.id == snapshot.id || head.commit.parents.contains(snapshot.asParent) { return .contained }
            if snapshot.commit.parents.contains(head.asParent) { return .newer }
        }
        if newest.snapshots.contains(where: { $0.commit.contains(snapshot.name) }),
            case .success(let there) = try await read(snapshot.name), there.id == snapshot.id
        {
            return .contained
        }
        for head in newest.snapshots where snapshot.commit.contains(head.name) {
            // A grandchild names its ancestors without their hashes. Its parents, if they are still there, lead to them.
            if try await parents(of: snapshot).contains(where: { $0.commit.parents.contains(head.asParent) }) {
                return .newer
            }
        }
        return .unrelated
    }
}
