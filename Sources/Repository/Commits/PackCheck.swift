import FileIO
import NIOCore
import ObjectStore

/// How far packs are looked at before a snapshot counts as whole. Its manifest is read in any case.
public enum PackCheck: Sendable, Equatable {
    /// Not at all: who takes the newest snapshot reads what it needs.
    case none
    /// Heads beside the newest one, so that what is damaged is told as long as it is there.
    case otherHeads
    /// All heads, so that nothing builds upon packs that are gone. A head that another one has passed over as damaged is
    /// read whole before it counts again.
    case allHeads
}

/// Packs of a store, as far as a search for the newest snapshots has looked at them.
struct PackInspection {
    private let repository: Repository
    private let check: PackCheck
    /// Packs that are known to be damaged.
    private(set) var unusable: Set<Digest>
    /// Sizes of all packs, once they are listed. `nil` where they may not be listed.
    private var sizes: [Digest: Int64]??
    /// Packs that were read whole.
    private var whole: Set<Digest> = []

    init(_ repository: Repository, _ check: PackCheck, unusable: Set<Digest>) {
        self.repository = repository
        self.check = check
        self.unusable = unusable
    }

    /// Why a snapshot cannot be restored, although its manifest can be read.
    /// - Parameter heads: the heads before it, with their manifests.
    /// - Throws: ``StoreError``.
    mutating func damage(
        of snapshot: Snapshot, _ manifest: Manifest, after heads: [(snapshot: Snapshot, manifest: Manifest)]
    ) async throws -> RepositoryError? {
        let packs = manifest.packSizes
        if let pack = packs.keys.filter(unusable.contains).min() {
            return .damaged(repository.key(ofPack: pack), "its SHA-256 is not its name")
        }
        guard check == .allHeads || check == .otherHeads && !heads.isEmpty else { return nil }
        if let sizes = try await listedSizes() {
            // A listing may be behind: what it lacks is asked for.
            for (pack, size) in packs.sorted(by: { $0.key < $1.key }) where sizes[pack] != size && !whole.contains(pack)
            {
                if let error = try await repository.damage(ofPack: pack, size: size) {
                    unusable.insert(pack)
                    return error
                }
                whole.insert(pack)
            }
        }
        guard let judge = heads.first(where: { $0.snapshot.commit.passesOverDamage(snapshot) }) else { return nil }
        guard check == .allHeads else {
            return .damaged(
                repository.key(of: snapshot.name), "snapshot \(judge.snapshot.shortID) has passed it over as damaged")
        }
        let sound = heads.reduce(into: whole) { $0.formUnion($1.manifest.packSizes.keys) }
        for (pack, size) in packs.sorted(by: { $0.key < $1.key }) where !sound.contains(pack) {
            if let error = try await repository.damage(ofPack: pack, size: size) {
                unusable.insert(pack)
                return error
            }
            whole.insert(pack)
        }
        return nil
    }

    private mutating func listedSizes() async throws -> [Digest: Int64]? {
        if let sizes { return sizes }
        var listed: [Digest: Int64]?
        do { listed = try await repository.packSizes() } catch let error as StoreError
            where error.kind == .denied || error.kind == .refused
        {
            listed = nil
        }
        sizes = .some(listed)
        return listed
    }
}

extension Commit {
    /// Whether this commit says that another one was found and could not be read.
    fileprivate func passesOverDamage(_ snapshot: Snapshot) -> Bool {
        passedOver.contains {
            $0.name == snapshot.name && $0.reason == .damaged && ($0.id == nil || $0.id == snapshot.id)
        }
    }
}

extension Repository {
    /// Sizes of all packs in the store, by one listing.
    /// - Throws: ``StoreError``.
    func packSizes() async throws -> [Digest: Int64] {
        var sizes: [Digest: Int64] = [:]
        for object in try await store.list(prefix: packPrefix).collect() {
            if let pack = pack(named: object.key) { sizes[pack] = object.size }
        }
        return sizes
    }

    /// Reads a pack whole.
    /// - Parameter size: that it has to have; `nil` if that is not known.
    /// - Returns: what is wrong with it; `nil` for a pack that is what its name says.
    /// - Throws: ``StoreError`` if the store does not hand it out.
    public func damage(ofPack pack: Digest, size: Int64? = nil) async throws -> RepositoryError? {
        let key = key(ofPack: pack)
        do {
            var hasher = DigestHasher()
            var length: Int64 = 0
            for try await chunk in try await store.get(key).chunks {
                hasher.update(chunk)
                length += Int64(chunk.readableBytes)
            }
            if let size, size != length { return .damaged(key, "it has \(length) bytes and not \(size)") }
            return hasher.digest == pack ? nil : .damaged(key, "its SHA-256 is not its name")
        } catch let error as StoreError {
            switch error.kind {
            case .notFound: return .missing(key)
            case .corrupt: return .damaged(key, error.reason)
            default: throw error
            }
        }
    }

    /// What is wrong with the packs of the newest snapshots, by one listing.
    /// - Throws: ``StoreError``.
    public func damage(in newest: Newest) async throws -> RepositoryError? {
        var packs = PackInspection(self, .allHeads, unusable: newest.unusablePacks)
        for (snapshot, manifest) in zip(newest.heads.snapshots, newest.manifests) {
            if let damage = try await packs.damage(of: snapshot, manifest, after: []) { return damage }
        }
        return nil
    }

    /// The pack that an error is about.
    public func pack(of error: RepositoryError) -> Digest? { error.key.flatMap(pack(named:)) }

    /// The manifest of a snapshot that the store still keeps, with all its packs: a save may refer to what it refers to.
    ///
    /// A prune that removes the snapshot from now on leaves its packs for the grace.
    /// - Parameters:
    ///   - known: the manifest, if this machine has it.
    ///   - newest: what the save builds upon. Packs that are known to be damaged by it are none to refer to.
    /// - Returns: `nil` if the snapshot is gone, or damaged.
    /// - Throws: ``StoreError``.
    public func keptManifest(
        of snapshot: Snapshot, known: Manifest? = nil, beside newest: Newest
    ) async throws -> Manifest? {
        let isDamaged = newest.heads.damaged.contains { $0.name == snapshot.name }
        guard !isDamaged, try await holds(snapshot) else { return nil }
        do {
            let manifest = if let known { known } else { try await self.manifest(of: snapshot) }
            var packs = PackInspection(self, .allHeads, unusable: newest.unusablePacks)
            return try await packs.damage(of: snapshot, manifest, after: []) == nil ? manifest : nil
        } catch let error as RepositoryError where error.kind == .damaged {
            return nil
        }
    }
}
