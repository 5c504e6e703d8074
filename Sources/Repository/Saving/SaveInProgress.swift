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
    /// Our state as a side commit, for merges whose result is another one.
    var side: (snapshot: Snapshot, manifest: Manifest)?
    /// How the base stood to the newest snapshots when the ``side`` was made.
    private var sideLineage: Lineage?
    /// The snapshot that has our state and nothing else.
    private var own: (snapshot: Snapshot, manifest: Manifest)?
    /// Our commit has been read back as a part of the history.
    private var isCommitted = false
    var conflicts: Set<RelativePath> = []
    /// Snapshots that have the versions that lost; none for our own.
    var losers: [RelativePath: [Snapshot]] = [:]
    private var isMerged = false
    /// Files whose versions were brought together, by the digests of both.
    var mergedFiles: [[Digest]: Result<Entry?, UnmergeableFile>] = [:]
    /// The commits of our state that were proposed.
    var proposed: [Snapshot] = []
    /// The side commits that one or the other of them names.
    var proposedSides: [Snapshot] = []
    /// Proven history of each head, by its id.
    var pasts: [Digest: ProvenPast] = [:]
    /// The manifest of the base, if it had to be looked for.
    var baseManifest: Manifest??

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
            let plan = try await plan()
            if let mine, plan.heads.map(\.id) == [mine.snapshot.id] { return result(mine, plan) }
            note(plan)
            if plan.isFork { return try await fork(plan) }
            // A version of ours that lost has to get into the history, also where the newest snapshot stays as it is.
            // A side commit that no merge names is none to rely on.
            if plan.isUnchanged, !plan.merge.lostOurs, let only = plan.only(of: newest), !only.snapshot.commit.isSide {
                return result(only, plan)
            }
            // The next save of this machine has it as its base, and versions of ours that lost are in it.
            // One that was made upon other snapshots may have files that these never had.
            if sideLineage != lineage { side = nil }
            if mine == nil, side == nil, needsSide(plan) {
                side = try await keepOurs(plan, isSide: true)
                sideLineage = lineage
            }
            let parents = plan.heads
            isMerged =
                isMerged || parents.count > 1 || side != nil
                || newest.tip?.id != (mine?.snapshot ?? request.base?.snapshot)?.id
            let manifest = try await writeManifest(try await contents(plan))
            let commit = try await commit(manifest, plan)
            let name = CommitName(sequence: commit.seq, nonce: commit.store.createOnly ? nil : commit.nonce)
            switch try await propose(commit, as: name) {
            case .won(let snapshot):
                // The clock could stop between the last look at it and the moment in which the store wrote the commit.
                try checkAge()
                if mine == nil { own = side ?? (snapshot, manifest) }
                mine = (snapshot, manifest)
                side = nil
                if try await isAlone(snapshot) { return result((snapshot, manifest), plan) }
            case .lost:
                repository.logger.debug("Another save was faster; merging with it", metadata: ["commit": "\(name)"])
            }
            // Exponential backoff with full jitter.
            let wait = Duration.milliseconds(50 << round)
            try await repository.environment.sleep(repository.environment.jitter(upTo: wait))
            try await refresh()
        }
        // Our commit is a part of the history; the next save merges what is left.
        if isCommitted, let mine { return result(mine, nil) }
        let kept = if let mine { mine } else { try await keepOurs(try await plan(), isSide: false) }
        throw RepositoryError(
            .conflict, key: repository.key(of: kept.snapshot.name),
            "others saved at the same time, \(Repository.saveRounds) times in a row; the state is kept as snapshot "
                + "\(kept.snapshot.shortID) beside the newest one",
            hint: "Run the command again: it merges both.")
    }

    /// Commits our state as a head of its own lineage.
    private mutating func fork(_ plan: MergePlan) async throws -> SaveResult {
        let kept = try await keepOurs(plan, isSide: false)
        (own, mine) = (kept, kept)
        return result(kept, plan)
    }

    private mutating func note(_ plan: MergePlan) {
        conflicts.formUnion(plan.merge.conflicts.map(\.path))
        for conflict in plan.merge.conflicts { losers[conflict.path] = conflict.oursWon ? plan.heads : [] }
    }

    /// Whether the merge makes something else of our state. What lies outside of our scope does not count where the base
    /// alone is continued.
    private func needsSide(_ plan: MergePlan) -> Bool {
        guard !plan.heads.isEmpty else { return false }
        if plan.merge.lostOurs || !plan.united.isEmpty { return true }
        if lineage == .contained, plan.heads.map(\.id) == [request.base?.snapshot.id].compactMap(\.self) {
            return false
        }
        return !plan.isOwnState(request.files.map(\.facts))
    }

    private func result(
        _ newest: (snapshot: Snapshot, manifest: Manifest), _ plan: MergePlan?
    ) -> SaveResult {
        let losers = losers.sorted { $0.key < $1.key }.map { path, kept in
            SaveResult.Loser(
                path: path, isOurs: kept.isEmpty, keptIn: kept.isEmpty ? [own?.snapshot].compactMap(\.self) : kept)
        }
        return SaveResult(
            snapshot: newest.snapshot, manifest: newest.manifest, isNew: mine != nil, isMerged: isMerged, own: own,
            conflicts: conflicts.sorted(), losers: losers, apart: plan?.apart ?? [],
            uploadedBytes: writer.uploadedBytes)
    }

    // MARK: What is in the store

    private mutating func refresh() async throws {
        var known = zip(newest.heads.snapshots, newest.manifests).map { (snapshot: $0, manifest: $1) }
        if let mine { known.append(mine) }
        newest = try await repository.newest(
            known: known, checking: newest.check, unusable: newest.unusablePacks)
        // Our commit may have become unreadable meanwhile: then our state is not saved.
        if let saved = mine?.snapshot,
            !newest.heads.snapshots.contains(where: { $0.id == saved.id || $0.commit.names(saved) })
        {
            (mine, own) = (nil, nil)
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
        if !isCommitted { (mine, own) = (nil, nil) }
        // What was passed over is still there, and still cannot be merged.
        let others = found.snapshots.filter { $0.id != snapshot.id && !snapshot.commit.passesOver($0) }
        return isCommitted && (isContained || others.isEmpty)
    }
}
