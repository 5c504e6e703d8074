import NIOCore
import ObjectStore

/// The newest snapshots of a memory: what a listing of its commits comes down to.
public struct Heads: Sendable {
    /// Commits that no other contains, the newest first. More than one after saves that could not see each other; the
    /// next save merges them.
    public internal(set) var snapshots: [Snapshot] = []
    /// Commits that cannot be read, each with the reason.
    public internal(set) var damaged: [Damage] = []
    /// The highest number in use; 0 if there is no commit.
    public internal(set) var highestSequence: UInt64 = 0
    /// When the store was asked: what was the newest then may be pruned some time after. `nil` if it was not asked.
    var asked: Moment?

    /// Those of a memory without commits.
    public init() {}

    public struct Damage: Sendable, Equatable {
        public let name: CommitName
        public let reason: String
    }

    /// The snapshot that a reader takes.
    public var tip: Snapshot? { snapshots.first }
    /// The memory has no commit, not even a damaged one.
    public var isEmpty: Bool { highestSequence == 0 }
}

/// What the store said when it was asked for the newest commits.
public struct CommitListing: Sendable {
    fileprivate let asked: Moment
    fileprivate let page: Result<ObjectPage, StoreError>
}

extension Repository {
    /// Asks for the newest commits: one request. For who has other things to do before ``heads(known:in:)``.
    public func commitListing() async -> CommitListing {
        let asked = environment.moment()
        do throws(StoreError) {
            let page = try await store.page(prefix: commitPrefix, after: nil, limit: Self.newestLimit)
            return CommitListing(asked: asked, page: .success(page))
        } catch {
            return CommitListing(asked: asked, page: .failure(error))
        }
    }

    /// Finds the newest snapshots: one listing, and one request for each head that is not known already.
    /// - Parameters:
    ///   - known: snapshots that need not be fetched where the store's tag of them is still the same, or proves that the store
    ///     has these bytes.
    ///   - listing: what ``commitListing()`` gave before, if it was asked.
    /// - Throws: ``StoreError``; a store that may not be listed is `denied`, never empty. ``RepositoryError`` for a memory
    ///   of another repository or a newer format.
    public func heads(known: [Snapshot] = [], in listing: CommitListing? = nil) async throws -> Heads {
        let first = if let listing { listing } else { await commitListing() }
        if let heads = try await heads(known, first, orNothingIfStale: true) { return heads }
        if let heads = try await heads(known, commitListing(), orNothingIfStale: true) { return heads }
        return try await heads(known, commitListing(), orNothingIfStale: false) ?? Heads()
    }

    /// - Parameter giveUp: return `nil` if a commit that is listed does not exist: then a prune was faster, and there are
    ///   newer ones.
    private func heads(
        _ known: [Snapshot], _ listing: CommitListing, orNothingIfStale giveUp: Bool
    ) async throws -> Heads? {
        let page = try listing.page.get()
        var listed: [(name: CommitName, object: ObjectInfo)] = []
        for object in page.objects {
            let text = object.key.text.utf8.dropFirst(commitPrefix.utf8.count)
            guard let name = CommitName(String(decoding: text, as: UTF8.self)) else { continue }
            listed.append((name, object))
        }
        listed.sort { $0.name < $1.name }

        var heads = Heads()
        heads.asked = listing.asked
        heads.highestSequence = listed.first?.name.sequence ?? 0
        var contained: Set<String> = []
        var horizon: UInt64 = 0
        for (name, object) in listed where !contained.contains(name.description) && name.sequence >= horizon {
            let snapshot: Snapshot
            if let same = try await find(object, name, among: known) {
                snapshot = same
            } else {
                switch try await read(name) {
                case .success(let read): snapshot = read
                case .failure(let error):
                    if error.kind != .damaged { throw error }
                    if error.isMissing, giveUp { return nil }
                    heads.damaged.append(Heads.Damage(name: name, reason: error.message))
                    continue
                }
            }
            try checkOwner(snapshot)
            if heads.snapshots.isEmpty { horizon = Self.horizon(of: snapshot.commit) }
            heads.snapshots.append(snapshot)
            contained.formUnion(snapshot.commit.ancestors)
        }
        return heads
    }

    /// A known snapshot that the store has, as far as its listing tells. A name proves nothing, since a snapshot that never
    /// reached the store may have the same.
    private func find(_ object: ObjectInfo, _ name: CommitName, among known: [Snapshot]) async throws -> Snapshot? {
        for snapshot in known where snapshot.name == name {
            if let etag = snapshot.etag, etag == object.etag { return snapshot }
            // It came from elsewhere, such as a cache, where it had another tag.
            guard snapshot.bytes.readableBytes == object.size,
                try await store.holds(.bytes(snapshot.bytes), as: object)
            else { continue }
            var same = snapshot
            same.etag = object.etag
            return same
        }
        return nil
    }

    /// Below this number, a commit that names as many ancestors as it can is taken to contain all.
    private static func horizon(of commit: Commit) -> UInt64 {
        guard commit.ancestors.count >= Commit.ancestorLimit else { return 0 }
        return commit.ancestors.compactMap { CommitName($0)?.sequence }.min() ?? 0
    }

    /// Whether a snapshot that this machine was about to save is in the store.
    /// - Throws: ``StoreError`` if that is not known.
    public func holds(_ snapshot: Snapshot) async throws -> Bool {
        guard case .success(let read) = try await read(snapshot.name) else { return false }
        return read.id == snapshot.id
    }

    /// Reads one commit.
    /// - Returns: the reason if the commit is missing or damaged.
    /// - Throws: ``StoreError`` if that is not known.
    func read(_ name: CommitName) async throws -> Result<Snapshot, RepositoryError> {
        try await confirmingDamage { try await readOnce(name) }
    }

    /// Reads again what seems to be damaged: what went wrong on the way must not be taken for damage in the store, which is
    /// passed over for good.
    func confirmingDamage<Value>(
        _ read: () async throws -> Result<Value, RepositoryError>
    ) async throws -> Result<Value, RepositoryError> {
        var last = try await read()
        for _ in 0..<2 {
            guard case .failure(let error) = last, error.kind == .damaged else { return last }
            last = try await read()
        }
        return last
    }

    private func readOnce(_ name: CommitName) async throws -> Result<Snapshot, RepositoryError> {
        let key = key(of: name)
        do {
            let content = try await store.get(key)
            let bytes = try await content.collect(upTo: Commit.maxLength)
            return .success(try Snapshot(name: name, bytes: bytes, etag: content.info.etag))
        } catch let error as FormatError {
            return .failure(error.about(key))
        } catch let error as StoreError where error.kind == .notFound {
            return .failure(.missing(key))
        } catch let error as StoreError where error.kind == .tooLarge || error.kind == .corrupt {
            return .failure(.damaged(key, error.reason))
        }
    }

    func checkOwner(_ snapshot: Snapshot) throws {
        guard ObjectKey(snapshot.commit.repository) != ObjectKey(repository) else { return }
        throw RepositoryError(
            .wrongRepository, key: key(of: snapshot.name),
            "'\(memory)' holds the memory of '\(snapshot.commit.repository)', not of '\(repository)'",
            hint: "Both names make the same key. Use another --prefix for one of them.")
    }
}
