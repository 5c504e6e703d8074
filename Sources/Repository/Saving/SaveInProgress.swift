import FileIO
import Logging
import ObjectStore

/// One save at work: merges, commits, and merges with whoever was faster.
struct SaveInProgress {
    let repository: Repository
    let writer: SnapshotWriter
    let request: SaveRequest

    /// The newest snapshots.
    private var newest: Newest
    /// How the request's base stands to them; `nil` if there is none.
    private var lineage: Lineage?
    private var trait: Commit.StoreTrait?
    /// The memory id, once it is known.
    private var memoryID: String?
    /// Our state, once it is a commit that can be a head; then only merging is left to do.
    private var mine: (snapshot: Snapshot, manifest: Manifest)?
    /// Our state as a side commit, for merges in which a version of ours lost.
    private var side: Snapshot?
    /// Our commit has been read back as a part of the history.
    private var isCommitted = false
    private var conflicts: Set<RelativePath> = []
    private var isMerged = false
    /// Files whose versions were brought together, by the digests of both.
    private var mergedFiles: [[Digest]: Entry?] = [:]
    /// The commits of our state that were proposed.
    private var proposed: [Snapshot] = []
    /// What is proven of the heads' past, by their ids.
    private var pasts: [Digest: ProvenPast] = [:]
    /// The manifest of the base, if it had to be read.
    private var baseManifest: Manifest?

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
        // What was pruned stays so.
        if lineage != .pruned { lineage = nil }
        try await findLineage()
    }

    private mutating func findLineage() async throws {
        guard lineage == nil, mine == nil, let base = request.base?.snapshot else { return }
        lineage = try await repository.lineage(of: base, to: newest.heads)
    }

    /// What a snapshot is proven to contain, itself included.
    private mutating func past(of snapshot: Snapshot) async throws -> ProvenPast {
        if let known = pasts[snapshot.id] { return known }
        var walk = CommitWalk(repository, known: newest.heads.snapshots)
        var past = try await walk.past(of: snapshot)
        past.ancestors.insert(Commit.Ancestor(snapshot.reference))
        pasts[snapshot.id] = past
        return past
    }

    /// The files of all heads together.
    private mutating func combinedHeads() async throws -> [Entry] {
        guard var state = newest.manifests.first?.entries else { return [] }
        let heads = newest.heads.snapshots
        for (index, other) in heads.enumerated().dropFirst() {
            let base = try await commonFiles(heads[..<index], other)
            let theirs = newest.manifests[index].entries
            var merge = ThreeWayMerge(
                base: base.map(\.facts),
                ours: ThreeWayMerge.Side(state.map(\.facts), scopes: heads[..<index].compactMap(\.commit.scope)),
                theirs: ThreeWayMerge.Side(theirs.map(\.facts), scopes: [other.commit.scope].compactMap(\.self)))
            let united = try await unite(&merge, ours: state.map { .stored($0) }, theirs, base)
            conflicts.formUnion(merge.conflicts.map(\.path))
            state = merge.choices.map { choice in
                let entry =
                    switch choice {
                    case .ours(let index): state[index]
                    case .theirs(let index): theirs[index]
                    }
                return united[entry.path] ?? entry
            }
        }
        return state
    }

    /// The files of the newest snapshot that is proven to be in all of these; none if there is no such snapshot any more.
    private mutating func commonFiles(_ heads: ArraySlice<Snapshot>, _ other: Snapshot) async throws -> [Entry] {
        var ours: Set<Commit.Ancestor> = []
        for head in heads { ours.formUnion(try await past(of: head).ancestors) }
        let common = ours.intersection(try await past(of: other).ancestors)
        for ancestor in common.sorted(by: { $0.name < $1.name }).prefix(3) {
            guard case .success(let snapshot) = try await repository.read(ancestor.name),
                Commit.Ancestor(snapshot.reference) == ancestor
            else { continue }
            do { return try await repository.manifest(of: snapshot).entries } catch let error as RepositoryError {
                if error.kind != .damaged { throw error }
            }
        }
        return []
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

    // MARK: What is ours

    private func merge(into state: [Entry], preferOurs: Bool) -> ThreeWayMerge {
        let theirs = state.map(\.facts)
        // Once our state is a commit, it is one of the heads, and nothing is ours beyond them.
        if mine != nil {
            return ThreeWayMerge(base: theirs, ours: ThreeWayMerge.Side(theirs), theirs: ThreeWayMerge.Side(theirs))
        }
        return ThreeWayMerge(
            base: base(state),
            ours: ThreeWayMerge.Side(request.files.map(\.facts), scopes: [request.scope].compactMap(\.self)),
            theirs: ThreeWayMerge.Side(theirs, scopes: newest.heads.snapshots.compactMap(\.commit.scope)),
            preferOurs: preferOurs)
    }

    /// What our state and the newest snapshots have in common.
    private func base(_ state: [Entry]) -> [FileFacts] {
        guard let base = request.base, let lineage else { return [] }
        if lineage.isBase { return base.files }
        // The snapshot that we come from is damaged in the store, which fell back to one before it. What we come from had no
        // other file than its own: one that only the older snapshot has is not ours to remove.
        guard lineage == .newer else { return [] }
        let known = Set(base.files.map(\.path))
        return state.map(\.facts).filter { known.contains($0.path) }
    }

    /// Brings together what our state and the newest snapshots have changed in the same files.
    /// - Returns: the result for each path; the merge has no conflict there any more.
    private mutating func unite(_ merge: inout ThreeWayMerge, _ state: [Entry]) async throws -> [RelativePath: Entry] {
        guard mine == nil, !merge.conflicts.isEmpty, request.mergeFile != nil else { return [:] }
        let ours = request.files.map { file -> FileMerge.Version in
            if case .stored(let entry) = file { .stored(entry) } else { .captured(file.facts) }
        }
        var base: [Entry] = []
        if let known = request.base, lineage == .contained {
            let facts = Dictionary(known.files.map { ($0.path, $0) }) { first, _ in first }
            // What was here then need not be what the snapshot has: it may hold what others had added.
            base = try await entries(of: known.snapshot).filter { facts[$0.path]?.isSame(as: $0.facts) == true }
        }
        return try await unite(&merge, ours: ours, state, base)
    }

    private mutating func unite(
        _ merge: inout ThreeWayMerge, ours: [FileMerge.Version], _ theirs: [Entry], _ base: [Entry]
    ) async throws -> [RelativePath: Entry] {
        guard let mergeFile = request.mergeFile else { return [:] }
        var united: [RelativePath: Entry] = [:]
        for path in merge.conflicts.map(\.path) {
            guard let our = ours.first(where: { $0.facts.path == path }),
                let their = theirs.first(where: { $0.path == path })
            else { continue }
            let key = [our.facts.digest, their.digest]
            if mergedFiles[key] == nil {
                let file = try await mergeFile(
                    FileMerge(base: base.first { $0.path == path }, ours: our, theirs: their))
                var entry: Entry?
                if let file { entry = try await writer.store(file) }
                mergedFiles[key] = .some(entry)
            }
            if let entry = mergedFiles[key] ?? nil { united[path] = entry }
        }
        merge.settle(Set(united.keys))
        return united
    }

    private func entries(of snapshot: Snapshot) async throws -> [Entry] {
        do { return try await repository.manifest(of: snapshot).entries } catch let error as RepositoryError {
            guard error.kind == .damaged else { throw error }
            return []
        }
    }

    private func isUnchanged(_ merge: ThreeWayMerge, _ state: [Entry]) -> Bool {
        merge.choices.count == state.count && merge.choices.allSatisfy { !$0.isOurs }
    }

    /// - Parameter united: what takes the place of both sides' versions.
    private mutating func contents(
        _ merge: ThreeWayMerge, _ state: [Entry], _ united: [RelativePath: Entry] = [:]
    ) async throws -> [SnapshotWriter.Content] {
        var contents: [SnapshotWriter.Content] = []
        for choice in merge.choices {
            switch choice {
            case .theirs(let index): contents.append(.stored(united[state[index].path] ?? state[index]))
            // With our state committed, both sides are the same list.
            case .ours(let index) where mine != nil: contents.append(.stored(state[index]))
            case .ours(let index):
                let file = request.files[index]
                if let entry = united[file.path] {
                    contents.append(.stored(entry))
                    continue
                }
                switch file {
                case .stored(let entry): contents.append(.stored(entry))
                case .new(let file): contents.append(.new(file))
                case .unchanged(let facts): contents.append(.stored(try await entryOfBase(facts)))
                }
            }
        }
        return contents
    }

    /// The entry of a file that did not change since the base and is in none of the newest snapshots, which left it out.
    private mutating func entryOfBase(_ facts: FileFacts) async throws -> Entry {
        if baseManifest == nil, let base = request.base, lineage == .contained {
            baseManifest = try await repository.manifest(of: base.snapshot)
        }
        guard let entry = baseManifest?.entry(facts.path), entry.facts.isSame(as: facts) else {
            // It was the newest snapshot's when the save began, and is in none of the newest any more.
            throw RepositoryError(
                .conflict, "the newest snapshot became unreadable while the save ran, and with it '\(facts.path)'",
                hint: "Run the command again.")
        }
        return entry
    }

    private func writeManifest(_ contents: [SnapshotWriter.Content]) async throws -> Manifest {
        try await writer.writeManifest(contents, reusing: newest.manifests + [baseManifest].compactMap(\.self))
    }

    /// Commits the state with all of our versions under a name of its own, beside the newest snapshot.
    ///
    /// It is as old as the newest, and takes no number that others race for. Its parent is what our state was made from, so that
    /// a merge compares our versions with that. With a later parent, which may have the version that ours has lost against, ours
    /// would look like its successor.
    /// - Parameter isSide: it is the side of a merge to come, and nothing that a reader would take for the newest.
    private mutating func keepOurs(
        _ state: [Entry], isSide: Bool
    ) async throws -> (snapshot: Snapshot, manifest: Manifest) {
        let merge = merge(into: state, preferOurs: true)
        let manifest = try await writeManifest(try await contents(merge, state))
        let isKnown = lineage?.isBase == true || lineage == .newer
        let base = isKnown ? request.base?.snapshot : nil
        var draft = try await draft(
            manifest, number: max(newest.tip?.commit.seq ?? 0, (base?.commit.seq ?? 0) + 1),
            parents: [base].compactMap(\.self))
        draft.isSide = isSide
        draft.note = "kept beside the newest snapshot"
        draft.scope = request.scope
        let name = CommitName(sequence: draft.seq, nonce: draft.nonce)
        guard case .won(let snapshot) = try await propose(draft, as: name) else {
            throw RepositoryError.damaged(repository.key(of: name), "another commit has its unique name")
        }
        return (snapshot, manifest)
    }

    // MARK: The commit

    private mutating func propose(_ commit: Commit, as name: CommitName) async throws -> Repository.Outcome {
        // A side commit without its merge is nothing that our state became.
        if mine == nil, !commit.isSide {
            proposed.append(try repository.snapshot(name, repository.encoded(commit, as: name), nil))
            await request.willCommit?(proposed)
        }
        return try await repository.propose(commit, as: name)
    }

    /// The commit that continues the heads.
    private mutating func commit(_ manifest: Manifest, _ parents: [Snapshot]) async throws -> Commit {
        let sides = [side].compactMap(\.self)
        let number = ((parents + sides).map(\.commit.seq) + [newest.heads.highestSequence]).max() ?? 0
        guard number < CommitName.highest else {
            throw RepositoryError.damaged(
                repository.key(of: CommitName(sequence: number)), "its number leaves no room for another commit")
        }
        var draft = try await draft(manifest, number: number + 1, parents: parents, sides: sides)
        draft.passedOver = newest.heads.damaged.sorted { $0.name < $1.name }.prefix(Commit.ancestorLimit).map {
            Commit.PassedOver(name: $0.name, reason: .damaged, id: $0.id)
        }
        // A merge has what any side has captured.
        let scopes = parents.compactMap(\.commit.scope)
        draft.scope = mine == nil ? request.scope ?? scopes.first : scopes.first
        for scope in scopes { draft.scope = draft.scope?.united(with: scope) }
        draft.note = mine == nil ? request.note : "merge"
        return draft
    }

    /// A commit with all that is the same for each.
    private mutating func draft(
        _ manifest: Manifest, number: UInt64, parents: [Snapshot], sides: [Snapshot] = []
    ) async throws -> Commit {
        let environment = repository.environment
        try checkAge()
        if trait == nil {
            let known = newest.heads.snapshots + [request.base?.snapshot].compactMap(\.self)
            trait = try await repository.storeTrait(knownTo: known)
        }
        var ancestors: Set<Commit.Ancestor> = []
        for snapshot in parents + sides { ancestors.formUnion(try await past(of: snapshot).ancestors) }
        let id = try await memoryID(of: parents)
        return Commit(
            seq: number, nonce: environment.nonce(), memory: id, agent: repository.agent,
            repository: repository.repository, parents: parents.map(\.reference), sides: sides.map(\.reference),
            ancestors: Array(ancestors.sorted { $0.name < $1.name }.prefix(Commit.ancestorLimit)),
            manifest: manifest.place, store: trait ?? Commit.StoreTrait(createOnly: false, location: ""),
            writer: request.writer, time: timeText(environment.now()), files: manifest.fileCount,
            bytes: manifest.byteCount, newBytes: writer.uploadedBytes, run: request.run,
            tombstones: Set((parents + sides).flatMap(\.commit.tombstones)).sorted())
    }

    /// The memory id of the first of some commits that has one, else that of the newest snapshot; drawn if there is none.
    private mutating func memoryID(of parents: [Snapshot]) async throws -> String {
        for snapshot in parents + newest.heads.snapshots {
            if let memory = try await past(of: snapshot).memory { return memory }
        }
        // Where no commit can be read, the memory is still the same.
        let known = newest.heads.isEmpty ? nil : request.base?.snapshot.commit.memory
        let id = memoryID ?? known ?? repository.environment.nonce()
        memoryID = id
        return id
    }

    /// A save that takes longer than prune waits may refer to packs that are gone.
    /// - Throws: ``RepositoryError`` of kind `tooSlow`.
    private func checkAge() throws {
        guard writer.age >= Repository.longestSave else { return }
        throw RepositoryError(
            .tooSlow,
            "the save took more than \(Repository.longestSave.components.seconds / 3600) hours, so what it builds upon "
                + "may have been pruned", hint: "Run the command again.")
    }
}
