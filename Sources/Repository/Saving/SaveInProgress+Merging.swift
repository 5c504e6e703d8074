import FileIO

/// Merges the newest snapshots with the state of a save.
extension SaveInProgress {
    /// The files of all heads together.
    mutating func combinedHeads() async throws -> [Entry] {
        let heads = newest.heads.snapshots
        guard !heads.isEmpty else { return [] }
        if heads.count == 1 { return newest.manifests[0].entries }
        var state = try await entries(ofHead: 0)
        for (index, other) in heads.enumerated().dropFirst() {
            let base = try await commonFiles(heads[..<index], other)
            let theirs = try await entries(ofHead: index)
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

    /// The files of one of several heads without those that were removed here since: a removal does not take along the
    /// version that another head has.
    private mutating func entries(ofHead index: Int) async throws -> [Entry] {
        let entries = newest.manifests[index].entries
        guard mine == nil, lineage == .contained, let base = request.base,
            try await past(of: newest.heads.snapshots[index]).ancestors.contains(
                Commit.Ancestor(base.snapshot.reference))
        else { return entries }
        let here = Set(request.files.map(\.path))
        let scope = request.scope?.filter
        let removed = base.files.filter { !here.contains($0.path) && scope?.contains($0.path) != false }
        let versions = Dictionary(removed.map { ($0.path, $0) }) { first, _ in first }
        return entries.filter { versions[$0.path]?.isSame(as: $0.facts) != true }
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

    // MARK: What is ours

    func merge(into state: [Entry], preferOurs: Bool) -> ThreeWayMerge {
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

    /// Base that our state and the newest snapshots have in common.
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
    mutating func unite(_ merge: inout ThreeWayMerge, _ state: [Entry]) async throws -> [RelativePath: Entry] {
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

    func isUnchanged(_ merge: ThreeWayMerge, _ state: [Entry]) -> Bool {
        merge.choices.count == state.count && merge.choices.allSatisfy { !$0.isOurs }
    }

    /// - Parameter united: what takes the place of both sides' versions.
    mutating func contents(
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

    func writeManifest(_ contents: [SnapshotWriter.Content]) async throws -> Manifest {
        try await writer.writeManifest(contents, reusing: newest.manifests + [baseManifest].compactMap(\.self))
    }
}
