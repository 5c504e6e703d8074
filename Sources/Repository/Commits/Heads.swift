import FileIO
import NIOCore
import ObjectStore

/// The newest snapshots of a memory: what a listing of its commits comes down to.
public struct Heads: Sendable {
    /// Commits that no other contains, the newest first. More than one after saves that could not see each other; the
    /// next save merges them.
    public internal(set) var snapshots: [Snapshot] = []
    /// Commits that cannot be read, each with the reason.
    public internal(set) var damaged: [Damage] = []
    /// Commits of which it is unknown whether a head contains them, the newest first. They are named in a warning, and are
    /// neither merged nor a base.
    public internal(set) var unproven: [CommitName] = []
    /// The highest number in use; 0 if there is no commit.
    public internal(set) var highestSequence: UInt64 = 0
    /// When the store was asked: what was the newest then may be pruned some time after. `nil` if it was not asked.
    var asked: Moment?

    /// Those of a memory without commits.
    public init() {}

    public struct Damage: Sendable, Equatable {
        public let name: CommitName
        public let reason: String
        /// The id of the commit, if it could be read and its manifest could not.
        public internal(set) var id: Digest?
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
        let listed = page.objects.compactMap { object in commitName(object.key).map { (name: $0, object: object) } }
            .sorted { $0.name < $1.name }
        var heads = Heads()
        heads.asked = listing.asked
        heads.highestSequence = listed.first?.name.sequence ?? 0
        var search = HeadSearch(self, known: known)
        var sides: [Snapshot] = []
        for (name, object) in listed where !search.isNamed(name) {
            guard search.mayLook(at: name) else {
                heads.unproven.append(name)
                continue
            }
            let snapshot: Snapshot
            if let same = try await find(object, name, among: known) {
                snapshot = same
                try checkOwner(same)
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
            if snapshot.commit.isSide {
                sides.append(snapshot)
                continue
            }
            switch try await search.containment(of: snapshot) {
            case .contained: break
            case .unknown: heads.unproven.append(name)
            case .notContained: search.heads.append(snapshot)
            }
        }
        heads.snapshots = search.heads
        // Where nothing else is left, what one side of a merge had is better than nothing.
        if heads.snapshots.isEmpty, heads.unproven.isEmpty { heads.snapshots = Array(sides.prefix(1)) }
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

    /// Whether a snapshot that this machine was about to save is in the store.
    /// - Throws: ``StoreError`` if that is not known.
    public func holds(_ snapshot: Snapshot) async throws -> Bool {
        guard case .success(let read) = try await read(snapshot.name) else { return false }
        return read.id == snapshot.id
    }

    /// Reads one commit of this memory.
    /// - Returns: the reason if the commit is missing or damaged.
    /// - Throws: ``StoreError`` if that is not known; ``RepositoryError`` of kind `wrongRepository` for a commit of another
    ///   agent or repository.
    func read(_ name: CommitName) async throws -> Result<Snapshot, RepositoryError> {
        let read = try await readAny(name)
        if case .success(let snapshot) = read { try checkOwner(snapshot) }
        return read
    }

    /// Reads one commit, whoever it belongs to.
    func readAny(_ name: CommitName) async throws -> Result<Snapshot, RepositoryError> {
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

    /// - Throws: ``RepositoryError`` of kind `wrongRepository` unless the commit is of this agent and this repository, whose
    ///   name is compared as GitHub does: without the case of ASCII letters.
    func checkOwner(_ snapshot: Snapshot) throws(RepositoryError) {
        let commit = snapshot.commit
        let isOurs = commit.repository.utf8.elementsEqual(repository.utf8) {
            asciiLowercased($0) == asciiLowercased($1)
        }
        guard isOurs else {
            throw RepositoryError(
                .wrongRepository, key: key(of: snapshot.name),
                "'\(memory)' holds the memory of '\(printable(commit.repository.utf8))', not of '\(repository)'",
                hint: "Both names make the same key. Use another --prefix for one of them.")
        }
        guard commit.agent.utf8.elementsEqual(agent.utf8) else {
            throw RepositoryError(
                .wrongRepository, key: key(of: snapshot.name),
                "'\(memory)' holds the memory of the agent '\(printable(commit.agent.utf8))', not of '\(agent)'",
                hint: "The memory was copied or moved from another agent. Use --agent, or another --prefix.")
        }
    }
}

/// Finds the heads among commits that are looked at from the newest to the oldest.
struct HeadSearch {
    /// Commits below what the heads' lists tell that are looked at; others stay unproven.
    private static let looks = 5

    var heads: [Snapshot] = [] {
        didSet { named.formUnion(heads.last?.commit.namedCommits ?? []) }
    }
    private var named: Set<CommitName> = []
    private var looksLeft = Self.looks
    private var walk: CommitWalk

    init(_ repository: Repository, known: [Snapshot]) { walk = CommitWalk(repository, known: known) }

    /// Whether a head says that it contains the commit of a name: then the commit is no head.
    func isNamed(_ name: CommitName) -> Bool { named.contains(name) || heads.contains { $0.name == name } }

    /// Whether a commit that no head names may be looked at. Where the lists of the heads do not reach, each costs requests.
    mutating func mayLook(at name: CommitName) -> Bool {
        guard isBelowHorizon(name, of: heads) else { return true }
        guard looksLeft > 0 else { return false }
        looksLeft -= 1
        return true
    }

    /// Whether the heads contain a commit that none of them names. A list that reaches further down would name it.
    mutating func containment(of snapshot: Snapshot) async throws -> Containment {
        var isCertain = true
        for head in heads where isBelowHorizon(snapshot.name, of: [head]) {
            switch try await walk.containment(of: snapshot, in: head) {
            case .contained:
                // And with it all that it contains.
                named.formUnion(snapshot.commit.namedCommits)
                return .contained
            case .unknown: isCertain = false
            case .notContained: break
            }
        }
        return isCertain ? .notContained : .unknown
    }

    private func isBelowHorizon(_ name: CommitName, of heads: [Snapshot]) -> Bool {
        heads.contains { name.sequence < $0.commit.horizon }
    }
}
