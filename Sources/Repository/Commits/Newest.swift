import FileIO
import ObjectStore

/// The newest snapshots with their manifests: what a save builds upon and a restore takes.
public struct Newest: Sendable {
    public internal(set) var heads: Heads
    /// Of each of the heads' snapshots.
    public internal(set) var manifests: [Manifest] = []
    /// Packs that are known to be damaged.
    public internal(set) var unusablePacks: Set<Digest> = []
    /// Which packs were looked at.
    var check = PackCheck.none

    public var tip: Snapshot? { heads.tip }
    /// The manifest of the ``tip``.
    public var manifest: Manifest? { manifests.first }

    /// The same with those heads first that a condition holds for.
    public func movingFirst(_ isFirst: (Snapshot) -> Bool) -> Newest {
        let pairs = Array(zip(heads.snapshots, manifests))
        let sorted = pairs.filter { isFirst($0.0) } + pairs.filter { !isFirst($0.0) }
        var copy = self
        copy.heads.snapshots = sorted.map(\.0)
        copy.manifests = sorted.map(\.1)
        return copy
    }
}

extension Repository {
    /// How many older snapshots are tried in place of a damaged one: as many as a listing shows.
    private static let fallbacks = newestLimit

    /// Reads the newest snapshots and their manifests. A snapshot whose commit or manifest is damaged is replaced by the
    /// newest one before it that is whole; ``Heads/damaged`` says what is wrong with which.
    /// - Parameters:
    ///   - heads: what ``heads(known:)`` has just said, if it was asked already.
    ///   - known: snapshots and manifests that need not be fetched again.
    ///   - excluded: snapshots that are known to be damaged, with the reason.
    ///   - check: which packs are looked at.
    ///   - unusable: packs that are known to be damaged.
    /// - Throws: as ``heads(known:)``.
    public func newest(
        heads: Heads? = nil, known: [(snapshot: Snapshot, manifest: Manifest)] = [],
        excluding excluded: [CommitName: String] = [:], checking check: PackCheck = .none,
        unusable: Set<Digest> = []
    ) async throws -> Newest {
        let heads = if let heads { heads } else { try await self.heads(known: known.map(\.snapshot)) }
        var found = Newest(heads: heads)
        var candidates = heads.snapshots.map(\.name)
        let read = Dictionary(heads.snapshots.map { ($0.name, $0) }) { first, _ in first }
        if candidates.isEmpty, let name = heads.damaged.map(\.name).min() {
            // No commit of the newest is whole: their numbers lead to older ones.
            candidates = try await olderNames(than: name)
        }
        var search = HeadSearch(self, known: heads.snapshots + known.map(\.snapshot))
        var packs = PackInspection(self, check, unusable: unusable)
        var tried = 0
        while !candidates.isEmpty, tried < heads.snapshots.count + Self.fallbacks {
            let name = candidates.removeFirst()
            guard !search.isNamed(name) else { continue }
            guard search.mayLook(at: name) else {
                found.heads.unproven.append(name)
                continue
            }
            tried += 1
            let reason: String
            switch try await whole(name, read[name], known, excluded) {
            case .success(let (snapshot, manifest)):
                // The own state of one side of a merge is not what a reader wants to have in place of the merge.
                if read[name] == nil, snapshot.commit.isSide { continue }
                switch read[name] == nil ? try await search.containment(of: snapshot) : .notContained {
                case .contained: continue
                case .unknown:
                    found.heads.unproven.append(name)
                    continue
                case .notContained: break
                }
                let heads = zip(search.heads, found.manifests).map { (snapshot: $0, manifest: $1) }
                guard let error = try await packs.damage(of: snapshot, manifest, after: heads) else {
                    search.heads.append(snapshot)
                    found.manifests.append(manifest)
                    continue
                }
                reason = error.message
            case .failure(let error):
                // An older commit that is gone was pruned: it is not damaged, and a save does not pass it over.
                if read[name] == nil, error.isMissing, error.key == key(of: name) { continue }
                reason = error.message
            }
            if !found.heads.damaged.contains(where: { $0.name == name }) {
                found.heads.damaged.append(Heads.Damage(name: name, reason: reason, id: read[name]?.id))
            }
            // Those before it, newest first; they stand behind the other heads.
            let older = read[name]?.commit.namedCommits.sorted() ?? []
            candidates += older.filter { !candidates.contains($0) }
        }
        found.heads.snapshots = search.heads
        found.unusablePacks = packs.unusable
        found.check = check
        return found
    }

    private func olderNames(than name: CommitName) async throws -> [CommitName] {
        try await store.page(prefix: commitPrefix, after: nil, limit: Self.newestLimit).objects
            .compactMap { commitName($0.key) }.filter { name < $0 }.sorted()
    }

    /// A snapshot with its manifest.
    /// - Returns: the reason if either is damaged.
    /// - Throws: what is wrong with the store.
    private func whole(
        _ name: CommitName, _ read: Snapshot?, _ known: [(snapshot: Snapshot, manifest: Manifest)],
        _ excluded: [CommitName: String]
    ) async throws -> Result<(Snapshot, Manifest), RepositoryError> {
        if let reason = excluded[name] { return .failure(.damaged(key(of: name), reason)) }
        let snapshot: Snapshot
        if let read {
            snapshot = read
        } else {
            switch try await self.read(name) {
            case .success(let older): snapshot = older
            case .failure(let error):
                guard error.kind == .damaged else { throw error }
                return .failure(error)
            }
        }
        if let same = known.first(where: { $0.snapshot.id == snapshot.id }) {
            return .success((snapshot, same.manifest))
        }
        return try await confirmingDamage {
            do { return .success((snapshot, try await manifest(of: snapshot))) } catch let error as RepositoryError {
                guard error.kind == .damaged else { throw error }
                return .failure(error)
            }
        }
    }
}
