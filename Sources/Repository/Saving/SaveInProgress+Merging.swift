import FileIO
import ObjectStore

/// Merges the newest snapshots with the state of a save.
extension SaveInProgress {
    /// Merges the heads with each other and with our state. Heads that cannot be merged stay apart: a state continues the
    /// head that it was made from.
    mutating func plan() async throws -> MergePlan {
        let all = newest.heads.snapshots
        let lineageToAll = lineage
        var left = all
        var apart: [SaveResult.Apart] = []
        while let first = left.first {
            lineage = lineageToAll
            var plan = try await group(startingWith: first, of: all)
            let preferred = plan.apart.map(\.snapshot).first { head in
                isOurs(head) && left.contains { $0.id == head.id }
            }
            if let preferred { plan = try await group(startingWith: preferred, of: all) }
            if !plan.apart.isEmpty { lineage = try await lineage(to: plan.heads) }
            do {
                try await mergeOurs(&plan)
                return plan
            } catch let error as UnmergeableFile {
                apart += plan.heads.map { SaveResult.Apart(snapshot: $0, reason: error.description) }
                left.removeAll { head in apart.contains { $0.snapshot.id == head.id } }
            }
        }
        lineage = lineageToAll
        var plan = MergePlan()
        plan.apart = apart
        plan.isFork = !apart.isEmpty
        if plan.isFork {
            let ours = ThreeWayMerge.Side(request.files.map(\.facts))
            plan.merge = ThreeWayMerge(base: [], ours: ours, theirs: ThreeWayMerge.Side([]))
        } else {
            try await mergeOurs(&plan)
        }
        return plan
    }

    /// How the base stands to some of the heads: what only the others contain was not removed from these.
    private func lineage(to heads: [Snapshot]) async throws -> Lineage? {
        guard let base = request.base?.snapshot, lineage == .contained else { return lineage }
        var some = newest.heads
        some.snapshots = heads
        let found = try await repository.lineage(of: base, to: some)
        // The others show that nothing was pruned.
        return found == .pruned ? .unknown : found
    }

    /// Whether a head is our own commit, or was made from what our state was made from.
    private func isOurs(_ head: Snapshot) -> Bool {
        if let mine { return head.id == mine.snapshot.id || head.commit.names(mine.snapshot) }
        guard let base = request.base?.snapshot else { return false }
        return head.id == base.id || head.commit.names(base)
    }

    private mutating func mergeOurs(_ plan: inout MergePlan) async throws {
        plan.merge = merge(into: plan.state, of: plan.heads)
        plan.united = try await unite(&plan.merge, plan)
    }

    // MARK: The heads

    /// The heads that can be merged with one of them.
    private mutating func group(startingWith first: Snapshot, of heads: [Snapshot]) async throws -> MergePlan {
        var plan = MergePlan(heads: [first], state: try await keptEntries(of: first))
        for other in heads where other.id != first.id {
            if let pair = plan.heads.first(where: { $0.cannotMerge(with: other) || other.cannotMerge(with: $0) }) {
                plan.apart.append(
                    SaveResult.Apart(snapshot: other, reason: "it cannot be merged with \(pair.shortID)"))
                continue
            }
            do { try await add(other, to: &plan) } catch let error as UnmergeableFile {
                plan.apart.append(SaveResult.Apart(snapshot: other, reason: error.description))
            }
        }
        if plan.heads.count == 1 { plan.state = entries(of: first) }
        plan.heads.sort { $0.name < $1.name }
        return plan
    }

    /// The files of one of several heads without those that were removed here since: a removal does not take along the
    /// version that another head has.
    private mutating func keptEntries(of head: Snapshot) async throws -> [Entry] {
        let entries = entries(of: head)
        guard mine == nil, lineage == .contained, let base = request.base,
            try await past(of: head).ancestors.contains(Commit.Ancestor(base.snapshot.reference))
        else { return entries }
        let here = Set(request.files.map(\.path))
        let scope = request.scope?.filter
        let removed = base.files.filter { !here.contains($0.path) && scope?.contains($0.path) != false }
        let versions = Dictionary(removed.map { ($0.path, $0) }) { first, _ in first }
        return entries.filter { versions[$0.path]?.isSame(as: $0.facts) != true }
    }

    private func entries(of head: Snapshot) -> [Entry] {
        guard let index = newest.heads.snapshots.firstIndex(where: { $0.id == head.id }) else { return [] }
        return newest.manifests[index].entries
    }

    private mutating func add(_ other: Snapshot, to plan: inout MergePlan) async throws {
        let base = try await commonFiles(plan.heads, other)
        let (state, theirs) = (plan.state, try await keptEntries(of: other))
        var merge = ThreeWayMerge(
            base: base.map(\.facts),
            ours: ThreeWayMerge.Side(state.map(\.facts), scopes: plan.heads.compactMap(\.commit.scope)),
            theirs: ThreeWayMerge.Side(theirs.map(\.facts), scopes: [other.commit.scope].compactMap(\.self)))
        let united = try await unite(
            &merge, ours: state.map { .stored($0) }, theirs, base, sources: (ours: plan.heads, theirs: [other]))
        conflicts.formUnion(merge.conflicts.map(\.path))
        for conflict in merge.conflicts { losers[conflict.path] = conflict.oursWon ? [other] : plan.heads }
        plan.state = merge.choices.map { choice in
            let entry =
                switch choice {
                case .ours(let index): state[index]
                case .theirs(let index): theirs[index]
                }
            return united[entry.path] ?? entry
        }
        plan.heads.append(other)
    }

    /// The files of the newest snapshot that is proven to be in all of these; none if there is no such snapshot any more.
    private mutating func commonFiles(_ heads: [Snapshot], _ other: Snapshot) async throws -> [Entry] {
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

    private func merge(into state: [Entry], of heads: [Snapshot]) -> ThreeWayMerge {
        let theirs = state.map(\.facts)
        // Once our state is a commit, it is one of the heads, and nothing is ours beyond them.
        if mine != nil {
            return ThreeWayMerge(base: theirs, ours: ThreeWayMerge.Side(theirs), theirs: ThreeWayMerge.Side(theirs))
        }
        return ThreeWayMerge(
            base: base(state),
            ours: ThreeWayMerge.Side(request.files.map(\.facts), scopes: [request.scope].compactMap(\.self)),
            theirs: ThreeWayMerge.Side(theirs, scopes: heads.compactMap(\.commit.scope)))
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
    private mutating func unite(_ merge: inout ThreeWayMerge, _ plan: MergePlan) async throws -> [RelativePath: Entry] {
        guard mine == nil, !merge.conflicts.isEmpty, request.mergeFile != nil else { return [:] }
        let ours = request.files.map { file -> FileMerge.Version in
            if case .stored(let entry) = file { .stored(entry) } else { .captured(file.facts) }
        }
        var base: [Entry] = []
        if let known = request.base, lineage == .contained {
            let facts = Dictionary(known.files.map { ($0.path, $0) }) { first, _ in first }
            // What was here then need not be what the snapshot has: it may hold what others had added.
            base = try await baseEntries().filter { facts[$0.path]?.isSame(as: $0.facts) == true }
        }
        return try await unite(&merge, ours: ours, plan.state, base, sources: (ours: [], theirs: plan.heads))
    }

    private mutating func unite(
        _ merge: inout ThreeWayMerge, ours: [FileMerge.Version], _ theirs: [Entry], _ base: [Entry],
        sources: (ours: [Snapshot], theirs: [Snapshot])
    ) async throws -> [RelativePath: Entry] {
        guard let mergeFile = request.mergeFile else { return [:] }
        var united: [RelativePath: Entry] = [:]
        for path in merge.conflicts.map(\.path) {
            guard let our = ours.first(where: { $0.facts.path == path }),
                let their = theirs.first(where: { $0.path == path })
            else { continue }
            let key = [our.facts.digest, their.digest]
            if mergedFiles[key] == nil {
                // A base that cannot be read is none.
                let file = FileMerge(
                    base: base.first { $0.path == path && !$0.isIn(newest.unusablePacks) }, ours: our, theirs: their,
                    oursIn: sources.ours,
                    theirsIn: sources.theirs)
                do {
                    var entry: Entry?
                    if let merged = try await mergeFile(file) { entry = try await writer.store(merged) }
                    mergedFiles[key] = .success(entry)
                } catch let error as UnmergeableFile {
                    mergedFiles[key] = .failure(error)
                }
            }
            if let entry = try mergedFiles[key]?.get() { united[path] = entry }
        }
        merge.settle(Set(united.keys))
        return united
    }

    /// The files of the base, as far as it can be read.
    private func baseEntries() async throws -> [Entry] {
        guard let base = request.base?.snapshot else { return [] }
        if let manifest = knownManifest(of: base) { return manifest.entries }
        do { return try await repository.manifest(of: base).entries } catch let error as RepositoryError {
            guard error.kind == .damaged else { throw error }
            return []
        }
    }

    private func knownManifest(of base: Snapshot) -> Manifest? {
        if let manifest = request.baseManifest { return manifest }
        let heads = zip(writer.newest.heads.snapshots, writer.newest.manifests)
        return heads.first { $0.0.id == base.id }?.1
    }

    // MARK: What is written

    /// The files of the snapshot that continues the heads.
    mutating func contents(_ plan: MergePlan) async throws -> [SnapshotWriter.Content] {
        var contents: [SnapshotWriter.Content] = []
        for choice in plan.merge.choices {
            switch choice {
            case .theirs(let index): contents.append(.stored(plan.united[plan.state[index].path] ?? plan.state[index]))
            // With our state committed, both sides are the same list.
            case .ours(let index) where mine != nil: contents.append(.stored(plan.state[index]))
            case .ours(let index):
                let file = request.files[index]
                if let entry = plan.united[file.path] {
                    contents.append(.stored(entry))
                } else {
                    contents.append(try await content(of: file))
                }
            }
        }
        return contents
    }

    /// Our state, and what the snapshot that it continues has and that never was here: nobody has removed that.
    /// - Parameters:
    ///   - continued: the snapshot that a commit of the state continues.
    ///   - state: files of the newest snapshots, which take the place of the continued one's where that is gone.
    mutating func ownContents(
        upon continued: Snapshot?, beside state: [Entry]
    ) async throws -> [SnapshotWriter.Content] {
        var contents: [SnapshotWriter.Content] = []
        for file in request.files { contents.append(try await content(of: file)) }
        guard continued != nil, lineage?.isBase == true, let base = request.base else { return contents }
        let known = Set(request.files.map(\.path) + base.files.map(\.path))
        let others = (try await storedBase()?.entries ?? state).filter { !known.contains($0.path) }
        guard !others.isEmpty else { return contents }
        // A file here takes the place of a directory that never was.
        let files = Set(request.files.map(\.path))
        let directories = Set(request.files.flatMap(\.path.ancestors))
        let fitting = others.filter { entry in
            !directories.contains(entry.path) && !entry.path.ancestors.contains(where: files.contains)
        }
        return (contents + fitting.map { .stored($0) }).sorted { $0.path < $1.path }
    }

    /// The manifest of the base, if a save may refer to what it refers to.
    mutating func storedBase() async throws -> Manifest? {
        if let known = baseManifest { return known }
        var manifest = request.base.flatMap { knownManifest(of: $0.snapshot) }
        if manifest == nil, let base = request.base?.snapshot, lineage == .contained {
            manifest = try await repository.keptManifest(of: base, beside: writer.newest)
        }
        if manifest != nil { baseManifest = .some(manifest) }
        return manifest
    }

    private mutating func content(of file: SaveRequest.File) async throws -> SnapshotWriter.Content {
        switch file {
        case .stored(let entry): .stored(entry)
        case .new(let file): .new(file)
        case .unchanged(let facts): .stored(try await entry(of: facts))
        }
    }

    /// The entry of a file that did not change since the base: in the base, or in what was the newest when the save began.
    private mutating func entry(of facts: FileFacts) async throws -> Entry {
        for manifest in writer.newest.manifests + writer.others {
            if let entry = manifest.entry(facts.path), entry.facts.isSame(as: facts) { return entry }
        }
        if let entry = try await storedBase()?.entry(facts.path), entry.facts.isSame(as: facts) { return entry }
        // It was the newest snapshot's when the save began, and is in none of the newest any more.
        throw RepositoryError(
            .conflict, "the newest snapshot became unreadable while the save ran, and with it '\(facts.path)'",
            hint: "Run the command again.")
    }

    func writeManifest(_ contents: [SnapshotWriter.Content]) async throws -> Manifest {
        try await writer.writeManifest(
            contents, reusing: newest.manifests + writer.others + [baseManifest ?? nil].compactMap(\.self))
    }
}

extension Entry {
    /// Whether some of the content lies in one of these packs.
    fileprivate func isIn(_ packs: Set<Digest>) -> Bool {
        if packs.isEmpty { return false }
        if case .chunkLists(_, let listed) = content, listed.contains(where: packs.contains) { return true }
        return references.contains { packs.contains($0.frame.pack) }
    }
}

extension Snapshot {
    /// Whether this one says that it could not be merged with another one.
    public func cannotMerge(with other: Snapshot) -> Bool {
        commit.passedOver.contains { $0.name == other.name && $0.reason == .unmergeable && $0.id == other.id }
    }
}
