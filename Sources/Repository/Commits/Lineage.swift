import ObjectStore

/// How a snapshot that a machine remembers stands to the newest ones.
public enum Lineage: String, Sendable, Equatable {
    /// It is one of them, or they were made from it.
    case contained
    /// It was made from one of them: the store fell back behind it.
    case newer
    /// It was pruned: the store has later commits of the same memory, and none of its age.
    case pruned
    /// Who saved later found it and could not merge it.
    case passedOver
    /// It is of another memory: that of the store was deleted and made anew, or this is a copy of another one.
    case foreign
    /// Commits that would tell are missing, damaged or refused.
    case unknown
    /// None of them was made from it.
    case unrelated

    /// Whether a file that the snapshot has and a side has not was deleted there.
    public var isBase: Bool { self == .contained || self == .pruned }

    /// Why nothing counts as deleted; `nil` where something may.
    public var doubt: String? {
        switch self {
        case .contained, .newer, .pruned: nil
        case .passedOver: "a later save could not merge the snapshot that this machine was synchronised with"
        case .foreign: "this machine was synchronised with another memory than the one that is in the store now"
        case .unknown:
            "it is not known whether the newest snapshot continues the one that this machine was synchronised with"
        case .unrelated: "the newest snapshot does not continue the one that this machine was synchronised with"
        }
    }
}

extension Heads {
    /// The newest head alone, which a restore takes. What only another head contains says nothing of what this one lacks.
    public var tipOnly: Heads {
        var copy = self
        copy.snapshots = Array(snapshots.prefix(1))
        return copy
    }
}

extension Repository {
    /// Side commits that are read to prove that nothing as old as a snapshot is left.
    private static let sidesRead = 20

    /// Finds out how a snapshot stands to the newest ones. Mostly the newest names it with its hash, and no request is
    /// needed.
    /// - Throws: ``StoreError``.
    public func lineage(of snapshot: Snapshot, to newest: Heads) async throws -> Lineage {
        let heads = newest.snapshots
        if heads.contains(where: { $0.id == snapshot.id || $0.commit.names(snapshot) }) { return .contained }
        if heads.contains(where: { snapshot.commit.names($0) }) { return .newer }
        if heads.contains(where: { $0.commit.passesOver(snapshot) }) { return .passedOver }
        let memories = heads.map(\.commit.memory)
        if let memory = snapshot.commit.memory, !heads.isEmpty, memories.allSatisfy({ $0 != nil && $0 != memory }) {
            return .foreign
        }
        if try await isPruned(snapshot, newest) { return .pruned }
        var walk = CommitWalk(self, known: heads + [snapshot])
        var isCertain = true
        for head in heads {
            switch try await walk.containment(of: snapshot, in: head) {
            case .contained: return .contained
            case .notContained: break
            case .unknown: isCertain = false
            }
        }
        for head in heads where head.commit.seq < snapshot.commit.seq {
            if try await walk.containment(of: head, in: snapshot) == .contained { return .newer }
        }
        return isCertain ? .unrelated : .unknown
    }

    /// Whether a snapshot is gone as a prune lets it go: with all that is as old, and of the same memory.
    private func isPruned(_ snapshot: Snapshot, _ newest: Heads) async throws -> Bool {
        guard let tip = newest.tip?.commit, let memory = tip.memory, memory == snapshot.commit.memory,
            tip.seq > snapshot.commit.seq, newest.snapshots.contains(where: { !$0.commit.isWithout(snapshot) })
        else { return false }
        let old = try await store.list(prefix: commitPrefix).collect().compactMap { commitName($0.key) }
            .filter { $0.sequence <= snapshot.commit.seq }
        // Side commits may be older: they stay with the merge that names them.
        guard !old.contains(snapshot.name), old.count <= Self.sidesRead, old.allSatisfy({ $0.nonce != nil }) else {
            return false
        }
        var walk = CommitWalk(self)
        for name in old {
            guard let side = try await walk.snapshot(named: name), side.commit.isSide else { return false }
        }
        return true
    }
}
