import FileIO
import Logging
import ObjectStore

/// One save at work: merges, commits, and merges with whoever was faster.
struct SaveInProgress {
    let repository: Repository
    let writer: SnapshotWriter
    let request: SaveRequest

    /// The newest snapshots.
    var newest: Newest
    /// How the request's base stands to them; `nil` if there is none.
    var lineage: Lineage?
    var trait: Commit.StoreTrait?
    /// The memory id, once it is known.
    var memoryID: String?
    /// Our state, once it is a commit that can be a head; then only merging is left to do.
    var mine: (snapshot: Snapshot, manifest: Manifest)?
    /// Our state as a side commit, for merges in which a version of ours lost.
    var side: Snapshot?
    /// Our commit has been read back as a part of the history.
    private var isCommitted = false
    var conflicts: Set<RelativePath> = []
    private var isMerged = false
    /// Files whose versions were brought together, by the digests of both.
    var mergedFiles: [[Digest]: Entry?] = [:]
    /// The commits of our state that were proposed.
    var proposed: [Snapshot] = []
    /// Proven history of each head, by its id.
    var pasts: [Digest: ProvenPast] = [:]
    /// The manifest of the base, if it had to be read.
    var baseManifest: Manifest?

    init(repository: Repository, writer: SnapshotWriter, request: SaveRequest) {
        self.repository = repository
        self.writer = writer
        self.request = request
        newest = writer.newest
    }

    mutating func run() async throws -> SaveResult {
        lineage = request.base == nil ? nil : request.lineage
        try await findLineage()
        for round in 0..<Repository.saveRounds {
            let state = try await combinedHeads()
            var merge = merge(into: state, preferOurs: false)
            let united = try await unite(&merge, state)
            conflicts.formUnion(merge.conflicts.map(\.path))
            // A version of ours that lost has to get into the history, also where the newest snapshot stays as it is.
            if isUnchanged(merge, state), united.isEmpty, !merge.lostOurs, let tip = newest.tip,
                newest.heads.snapshots.count == 1
            {
                return result(tip, newest.manifests[0])
            }
            // Our version of these files is in no snapshot yet, so our state gets one of its own.
            if merge.lostOurs, side == nil { side = try await keepOurs(state, isSide: true).snapshot }
            let parents = newest.heads.snapshots
            isMerged =
                isMerged || parents.count > 1 || side != nil
                || newest.tip?.id != (mine?.snapshot ?? request.base?.snapshot)?.id
            let manifest = try await writeManifest(try await contents(merge, state, united))
            let commit = try await commit(manifest, parents)
            let name = CommitName(sequence: commit.seq, nonce: commit.store.createOnly ? nil : commit.nonce)
            switch try await propose(commit, as: name) {
            case .won(let snapshot):
                // The clock could stop between the last look at it and the moment in which the store wrote the commit.
                try checkAge()
                mine = (snapshot, manifest)
                side = nil
                if try await isAlone(snapshot) { return result(snapshot, manifest) }
            case .lost:
                repository.logger.debug("Another save was faster; merging with it", metadata: ["commit": "\(name)"])
            }
            // Writers who met would meet again: the wait grows, and is as random as it is long.
            let wait = Duration.milliseconds(50 << round)
            try await repository.environment.sleep(repository.environment.jitter(upTo: wait))
            try await refresh()
        }
        // Our commit is a part of the history; the next save merges what is left.
        if isCommitted, let mine { return result(mine.snapshot, mine.manifest) }
        let kept =
            if let mine { mine } else { try await keepOurs(try await combinedHeads(), isSide: false) }
        throw RepositoryError(
            .conflict, key: repository.key(of: kept.snapshot.name),
            "others saved at the same time, \(Repository.saveRounds) times in a row; the state is kept as snapshot "
                + "\(kept.snapshot.shortID) beside the newest one",
            hint: "Run the command again: it merges both.")
    }

    private func result(_ snapshot: Snapshot, _ manifest: Manifest) -> SaveResult {
        SaveResult(
            snapshot: snapshot, manifest: manifest, isNew: mine != nil, isMerged: isMerged,
            conflicts: conflicts.sorted(), uploadedBytes: writer.uploadedBytes)
    }

    // MARK: What is in the store

    private mutating func refresh() async throws {
        var known = zip(newest.heads.snapshots, newest.manifests).map { (snapshot: $0, manifest: $1) }
        if let mine { known.append(mine) }
        newest = try await repository.newest(known: known)
        // Our commit may have become unreadable meanwhile: then our state is not saved.
        if let own = mine?.snapshot,
            !newest.heads.snapshots.contains(where: { $0.id == own.id || $0.commit.names(own) })
        {
            mine = nil
            isCommitted = false
        }
        // What was pruned stays so.
        if lineage != .pruned { lineage = nil }
        try await findLineage()
    }

    private mutating func findLineage() async throws {
        guard lineage == nil, mine == nil, let base = request.base?.snapshot else { return }
        lineage = try await repository.lineage(of: base, to: newest.heads)
    }

    /// Commits that a snapshot is proven to contain, itself included.
    mutating func past(of snapshot: Snapshot) async throws -> ProvenPast {
        if let known = pasts[snapshot.id] { return known }
        var walk = CommitWalk(repository, known: newest.heads.snapshots)
        var past = try await walk.past(of: snapshot)
        past.ancestors.insert(Commit.Ancestor(snapshot.reference))
        pasts[snapshot.id] = past
        return past
    }

    /// Looks whether a reader finds our commit, and nothing beside it.
    ///
    /// If nobody can find it, its name belongs to a past that was pruned, or someone has overwritten it: then our state is
    /// not saved yet.
    private mutating func isAlone(_ snapshot: Snapshot) async throws -> Bool {
        let found = try await repository.heads(known: [snapshot])
        let isContained = found.snapshots.contains { $0.commit.names(snapshot) }
        isCommitted = isContained || found.snapshots.contains { $0.id == snapshot.id }
        if !isCommitted { mine = nil }
        // What was passed over is still there, and still cannot be merged.
        let others = found.snapshots.filter { $0.id != snapshot.id && !snapshot.commit.passesOver($0) }
        return isCommitted && (isContained || others.isEmpty)
    }
}
