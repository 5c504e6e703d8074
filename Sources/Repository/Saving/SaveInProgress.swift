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
    private var trait: Commit.StoreTrait?
    /// Our state, once it is a commit; then only merging is left to do.
    private var mine: (snapshot: Snapshot, manifest: Manifest)?
    /// Our commit has been read back as a part of the history.
    private var isCommitted = false
    private var conflicts: Set<RelativePath> = []
    private var isMerged = false
    /// Files whose versions were brought together, by the digests of both.
    private var mergedFiles: [[Digest]: Entry?] = [:]
    /// The commits of our state that were proposed.
    private var proposed: [Snapshot] = []

    init(repository: Repository, writer: SnapshotWriter, request: SaveRequest) {
        self.repository = repository
        self.writer = writer
        self.request = request
        newest = writer.newest
    }

    mutating func run() async throws -> SaveResult {
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
            var parents = newest.heads.snapshots
            var kept: (snapshot: Snapshot, manifest: Manifest)?
            if merge.lostOurs {
                // Our version of these files is in no snapshot yet, so it gets one of its own.
                kept = try await keepOurs(state)
                parents += [kept?.snapshot].compactMap(\.self)
            }
            isMerged = isMerged || parents.count > 1 || newest.tip?.id != (mine?.snapshot ?? request.base?.snapshot)?.id
            let manifest = try await writer.writeManifest(
                try contents(merge, state, united), reusing: newest.manifests)
            let commit = try await commit(manifest, parents)
            let name = CommitName(sequence: commit.seq, nonce: commit.store.createOnly ? nil : commit.nonce)
            switch try await propose(commit, as: name) {
            case .won(let snapshot):
                // The clock could stop between the last look at it and the moment in which the store wrote the commit.
                try checkAge()
                mine = (snapshot, manifest)
                if try await isAlone(snapshot) { return result(snapshot, manifest) }
            case .lost:
                repository.logger.debug("Another save was faster; merging with it", metadata: ["commit": "\(name)"])
                if mine == nil { mine = kept }
            }
            // Writers who met would meet again: the wait grows, and is as random as it is long.
            let wait = Duration.milliseconds(50 << round)
            try await repository.environment.sleep(repository.environment.jitter(upTo: wait))
            try await refresh()
        }
        // Our commit is a part of the history; the next save merges what is left.
        if isCommitted, let mine { return result(mine.snapshot, mine.manifest) }
        let kept =
            if let mine { mine } else { try await keepOurs(try await combinedHeads()) }
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
    }

    /// The files of all heads together.
    private mutating func combinedHeads() async throws -> [Entry] {
        guard var state = newest.manifests.first?.entries else { return [] }
        for (index, other) in newest.heads.snapshots.enumerated().dropFirst() {
            let base = try await repository.commonFiles(newest.heads.snapshots[..<index], other)
            let theirs = newest.manifests[index].entries
            var merge = ThreeWayMerge(base: base.map(\.facts), ours: state.map(\.facts), theirs: theirs.map(\.facts))
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

    /// Looks whether a reader finds our commit, and nothing beside it.
    ///
    /// If nobody can find it, its name belongs to a past that was pruned, or someone has overwritten it: then our state is
    /// not saved yet.
    private mutating func isAlone(_ snapshot: Snapshot) async throws -> Bool {
        let found = try await repository.heads(known: [snapshot])
        let isContained = found.snapshots.contains { $0.commit.ancestors.contains(snapshot.name.description) }
        isCommitted = isContained || found.snapshots.contains { $0.id == snapshot.id }
        if !isCommitted { mine = nil }
        return isCommitted && (isContained || found.snapshots.count == 1)
    }

    // MARK: What is ours

    private func merge(into state: [Entry], preferOurs: Bool) -> ThreeWayMerge {
        let theirs = state.map(\.facts)
        // Once our state is a commit, it is one of the heads, and nothing is ours beyond them.
        if mine != nil { return ThreeWayMerge(base: theirs, ours: theirs, theirs: theirs) }
        return ThreeWayMerge(
            base: base(state), ours: request.files.map(\.facts), theirs: theirs, preferOurs: preferOurs)
    }

    /// What our state and the newest snapshots have in common.
    private func base(_ state: [Entry]) -> [FileFacts] {
        guard let base = request.base else { return [] }
        if newest.contains(base.snapshot) { return base.files }
        // The snapshot that we come from is damaged in the store, which fell back to one before it. What we come from had no
        // other file than its own: one that only the older snapshot has is not ours to remove.
        guard newest.heads.snapshots.contains(where: { base.snapshot.commit.contains($0.name) }) else { return [] }
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
        if let known = request.base, newest.contains(known.snapshot) {
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
    private func contents(
        _ merge: ThreeWayMerge, _ state: [Entry], _ united: [RelativePath: Entry] = [:]
    ) throws -> [SnapshotWriter.Content] {
        try merge.choices.map { choice in
            switch choice {
            case .theirs(let index): return .stored(united[state[index].path] ?? state[index])
            case .ours(let index):
                // With our state committed, both sides are the same list.
                guard mine == nil else { return .stored(state[index]) }
                if let entry = united[request.files[index].path] { return .stored(entry) }
                switch request.files[index] {
                case .stored(let entry): return .stored(entry)
                case .new(let file): return .new(file)
                case .unchanged(let facts):
                    // It was the newest snapshot's when the save began, and is in none of the newest any more.
                    throw RepositoryError(
                        .conflict,
                        "the newest snapshot became unreadable while the save ran, and with it '\(facts.path)'",
                        hint: "Run the command again.")
                }
            }
        }
    }

    /// Commits the state with all of our versions under a name of its own, beside the newest snapshot.
    private mutating func keepOurs(_ state: [Entry]) async throws -> (snapshot: Snapshot, manifest: Manifest) {
        let merge = merge(into: state, preferOurs: true)
        let manifest = try await writer.writeManifest(try contents(merge, state), reusing: newest.manifests)
        // As old as the newest: it stands beside it, and takes no number that others race for. Its parent is what our state
        // was made from, so that a merge compares our versions with that. With a later parent, which may have the version
        // that ours has lost against, ours would look like its successor.
        let base = request.base?.snapshot
        let ancestors = base.map { [$0.name.description] + $0.commit.ancestors } ?? []
        let commit = try await commit(
            manifest, number: max(newest.tip?.commit.seq ?? 0, (base?.commit.seq ?? 0) + 1),
            parents: [base?.asParent].compactMap(\.self),
            ancestors: Array(ancestors.prefix(Commit.ancestorLimit)), note: "kept beside the newest snapshot")
        let name = CommitName(sequence: commit.seq, nonce: commit.nonce)
        guard case .won(let snapshot) = try await propose(commit, as: name) else {
            throw RepositoryError.damaged(repository.key(of: name), "another commit has its unique name")
        }
        return (snapshot, manifest)
    }

    // MARK: The commit

    private mutating func propose(_ commit: Commit, as name: CommitName) async throws -> Repository.Outcome {
        if mine == nil {
            proposed.append(try repository.snapshot(name, commit.encode(), nil))
            await request.willCommit?(proposed)
        }
        return try await repository.propose(commit, as: name)
    }

    private mutating func commit(_ manifest: Manifest, _ parents: [Snapshot]) async throws -> Commit {
        var ancestors = Set(parents.map(\.name))
        for parent in parents { ancestors.formUnion(parent.commit.ancestors.compactMap { CommitName($0) }) }
        // What cannot be read is passed over once and for all.
        ancestors.formUnion(newest.heads.damaged.map(\.name))
        let number = (parents.map(\.commit.seq) + [newest.heads.highestSequence]).max() ?? 0
        guard number < CommitName.highest else {
            throw RepositoryError.damaged(
                repository.key(of: CommitName(sequence: number)), "its number leaves no room for another commit")
        }
        return try await commit(
            manifest, number: number + 1, parents: parents.map(\.asParent),
            ancestors: ancestors.sorted().prefix(Commit.ancestorLimit).map(\.description),
            note: mine == nil ? request.note : "merge")
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

    private mutating func commit(
        _ manifest: Manifest, number: UInt64, parents: [Commit.Parent], ancestors: [String], note: String?
    ) async throws -> Commit {
        let environment = repository.environment
        try checkAge()
        if trait == nil {
            let known = newest.heads.snapshots + [request.base?.snapshot].compactMap(\.self)
            trait = try await repository.storeTrait(knownTo: known)
        }
        return Commit(
            format: Int(formatVersion), seq: number, nonce: environment.nonce(), parents: parents, ancestors: ancestors,
            repository: repository.repository, agent: repository.agent, writer: request.writer,
            time: timeText(environment.now()), run: request.run, files: manifest.fileCount, bytes: manifest.byteCount,
            newBytes: writer.uploadedBytes, manifest: manifest.place,
            store: trait ?? Commit.StoreTrait(createOnly: false, location: ""), note: note)
    }
}

extension Repository {
    /// The files of the newest snapshot that all of these contain; none if there is no such snapshot any more.
    fileprivate func commonFiles(_ heads: ArraySlice<Snapshot>, _ other: Snapshot) async throws -> [Entry] {
        func contained(_ snapshot: Snapshot) -> Set<String> {
            Set(snapshot.commit.ancestors + [snapshot.name.description])
        }
        let ours = heads.reduce(into: Set<String>()) { $0.formUnion(contained($1)) }
        for name in ours.intersection(contained(other)).compactMap({ CommitName($0) }).sorted().prefix(3) {
            guard case .success(let snapshot) = try await read(name) else { continue }
            do { return try await manifest(of: snapshot).entries } catch let error as RepositoryError {
                if error.kind != .damaged { throw error }
            }
        }
        return []
    }
}
