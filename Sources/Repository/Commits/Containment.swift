import Basics
import FileIO
import NIOConcurrencyHelpers
import ObjectStore

/// Whether one commit contains another: whether its state was made from the other's, merges included.
///
/// It is proven by hashes alone. A name proves nothing, since a memory that was deleted and made anew has the same names, and
/// what was passed over is not contained.
public enum Containment: Sendable, Equatable {
    /// A chain of hashes leads from the one to the other.
    case contained
    /// Every commit on the way was read and verified, and none leads there.
    case notContained
    /// A commit on the way was pruned, is damaged or refused, or the way is too long.
    case unknown
}

extension Commit {
    /// Parents and sides of this commit.
    var continued: [Reference] { parents + sides }

    /// Whether this commit proves by itself that it contains another one.
    public func contains(_ snapshot: Snapshot) -> Bool { names(snapshot) }

    /// Whether this commit names a snapshot with its hash: a proof that it contains it.
    func names(_ snapshot: Snapshot) -> Bool {
        if continued.contains(snapshot.reference) { return true }
        let ancestor = Ancestor(snapshot.reference)
        return ancestors.contains { $0.name == ancestor.name && $0.hash == ancestor.hash }
    }

    /// All commits that this one says it contains.
    public var namedCommits: Set<CommitName> { Set(continued.map(\.name) + ancestors.map(\.name)) }

    /// The lowest number of the ancestors that this commit names: of lower ones, its lists say nothing. A side may be older
    /// than all of them. A commit that continues none contains no other.
    var horizon: UInt64 {
        let names = ancestors.isEmpty ? continued.map(\.name) : ancestors.map(\.name)
        return names.map(\.sequence).min() ?? 0
    }

    /// Whether this commit shows that it does not contain the commit of a name.
    func isWithout(_ name: CommitName) -> Bool {
        passedOver.contains { $0.name == name } || (name.sequence >= horizon && !namedCommits.contains(name))
    }

    /// Whether this commit shows that it does not contain a snapshot, be it that it contains another one of that name.
    func isWithout(_ snapshot: Snapshot) -> Bool {
        let named = continued.map { Ancestor($0) } + ancestors
        let hash = Ancestor(snapshot.reference).hash
        return isWithout(snapshot.name)
            || named.contains { $0.name == snapshot.name && $0.hash != nil && $0.hash != hash }
    }

    /// Whether this commit says that another one was found and not merged.
    func passesOver(_ snapshot: Snapshot) -> Bool {
        passedOver.contains { $0.name == snapshot.name && ($0.id == nil || $0.id == snapshot.id) }
    }
}

extension Repository {
    /// Finds out whether a commit contains another.
    /// - Parameter known: snapshots that need not be read again.
    /// - Throws: ``StoreError`` if the store does not answer.
    public func containment(
        of snapshot: Snapshot, in head: Snapshot, known: [Snapshot] = []
    ) async throws -> Containment {
        var walk = CommitWalk(self, known: known)
        return try await walk.containment(of: snapshot, in: head)
    }
}

/// Reads commits along the hashes that lead to them, each at most once, and no more than a limit.
struct CommitWalk {
    /// Requests for all that one walk may be asked.
    static let limit = 200

    private let repository: Repository
    /// `nil` for one that cannot be read.
    private var found: [CommitName: Snapshot?]
    private var budget = Self.limit

    init(_ repository: Repository, known: [Snapshot] = []) {
        self.repository = repository
        found = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The commit that a reference names, if it can be read and has the hash.
    mutating func snapshot(_ reference: Commit.Reference) async throws -> Snapshot? {
        guard let snapshot = try await snapshot(named: reference.name), snapshot.id == reference.id else { return nil }
        return snapshot
    }

    /// The commit that has a name, if it can be read.
    mutating func snapshot(named name: CommitName) async throws -> Snapshot? {
        if let known = found[name] { return known }
        guard budget > 0 else { return nil }
        budget -= 1
        let snapshot = try await Self.read(name, repository)
        found[name] = .some(snapshot)
        return snapshot
    }

    /// - Returns: `nil` for a commit that is missing, damaged or refused.
    private static func read(_ name: CommitName, _ repository: Repository) async throws -> Snapshot? {
        do {
            if case .success(let snapshot) = try await repository.read(name) { return snapshot }
            return nil
        } catch let error as StoreError where error.kind == .denied || error.kind == .refused {
            return nil
        }
    }

    mutating func containment(of snapshot: Snapshot, in head: Snapshot) async throws -> Containment {
        if head.id == snapshot.id || head.commit.names(snapshot) { return .contained }
        if head.commit.passesOver(snapshot) { return .notContained }
        var open = head.commit.continued
        var seen: Set<Commit.Reference> = []
        var isCertain = true
        while let next = open.popLast() {
            // A commit contains only what has a lower number.
            guard next.name.sequence > snapshot.commit.seq, seen.insert(next).inserted else { continue }
            if seen.count == 1 { try await readAhead(head.commit, above: snapshot.commit.seq) }
            guard let commit = try await self.snapshot(next)?.commit else {
                isCertain = false
                continue
            }
            if commit.names(snapshot) { return .contained }
            if !commit.passesOver(snapshot) { open += commit.continued }
        }
        return isCertain ? .notContained : .unknown
    }

    /// The commits that a snapshot contains, proven by hashes, and the memory that it belongs to.
    ///
    /// A commit of format 2 says both; one of format 1 names its ancestors without hashes, so its parents are followed.
    mutating func past(of snapshot: Snapshot) async throws -> ProvenPast {
        var past = ProvenPast()
        var open = [snapshot]
        var seen: Set<Digest> = []
        // From the newest to the oldest, so that no newer one is missed where older ones are too many.
        while seen.count < Commit.ancestorLimit, let index = open.indices.min(by: { open[$0].name < open[$1].name }) {
            let next = open.remove(at: index)
            guard seen.insert(next.id).inserted else { continue }
            past.ancestors.formUnion(next.commit.continued.map { Commit.Ancestor($0) })
            past.ancestors.formUnion(next.commit.ancestors.filter { $0.hash != nil })
            if let memory = next.commit.memory {
                past.memory = past.memory ?? memory
                continue
            }
            if seen.count == 1 { try await readAhead(next.commit, above: 0) }
            for reference in next.commit.continued {
                if let parent = try await self.snapshot(reference) { open.append(parent) }
            }
        }
        return past
    }

    /// Reads the ancestors that a commit of format 1 names, all at once: one after the other, each would cost a round trip.
    private mutating func readAhead(_ commit: Commit, above sequence: UInt64) async throws {
        let names = commit.ancestors.filter {
            $0.hash == nil && $0.name.sequence > sequence && found[$0.name] == nil
        }.map(\.name).prefix(budget)
        budget -= names.count
        let (repository, read) = (repository, NIOLockedValueBox<[CommitName: Snapshot?]>([:]))
        try await forEachConcurrently(names, limit: repository.concurrency) { name in
            let snapshot = try await Self.read(name, repository)
            read.withLockedValue { $0[name] = .some(snapshot) }
        }
        found.merge(read.withLockedValue { $0 }) { _, new in new }
    }
}

/// Proven content of a snapshot's history.
struct ProvenPast {
    var ancestors: Set<Commit.Ancestor> = []
    /// The memory id of the snapshot or, in format 1, of the newest commit before it that has one.
    var memory: String?
}
