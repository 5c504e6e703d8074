import ObjectStore

/// The commits of a save.
extension SaveInProgress {
    /// Commits our state, and nothing that others have added, under a name of its own beside the newest snapshot.
    ///
    /// It is as old as the newest, and takes no number that others race for. Its parent is what our state was made from, so that
    /// a merge compares our versions with that. With a later parent, which may have the version that ours has lost against, ours
    /// would look like its successor.
    /// - Parameter isSide: it is the side of a merge to come, and nothing that a reader would take for the newest.
    mutating func keepOurs(
        _ plan: MergePlan, isSide: Bool
    ) async throws -> (snapshot: Snapshot, manifest: Manifest) {
        let base = try await continuedBase(beside: plan.apart.map(\.snapshot))
        let manifest = try await writeManifest(try await ownContents(upon: base, beside: plan.state))
        var draft = try await draft(
            manifest, number: max(newest.tip?.commit.seq ?? 0, (base?.commit.seq ?? 0) + 1),
            parents: [base].compactMap(\.self))
        draft.isSide = isSide
        draft.note = isSide ? "state before a merge" : "kept beside the newest snapshot"
        draft.scope = request.scope
        if !isSide { draft.passedOver = passedOver([base].compactMap(\.self), draft, plan.apart) }
        let name = CommitName(sequence: draft.seq, nonce: draft.nonce)
        guard case .won(let snapshot) = try await propose(draft, as: name) else {
            throw RepositoryError.damaged(repository.key(of: name), "another commit has its unique name")
        }
        if isSide { proposedSides.append(snapshot) }
        return (snapshot, manifest)
    }

    /// The snapshot that a commit of our own state continues.
    ///
    /// One behind which the store fell back may come back, and what it has beside our files cannot be read now: a commit
    /// that claims to contain it would take that for removed. The same holds for a snapshot that has later versions
    /// than were ever here: ours would look like their successors.
    /// - Parameter apart: heads that stay beside the state.
    private mutating func continuedBase(beside apart: [Snapshot]) async throws -> Snapshot? {
        guard let base = request.base, let lineage, !apart.contains(where: { $0.id == base.snapshot.id }) else {
            return nil
        }
        let hasNothingElse = base.snapshot.commit.files == base.files.count
        guard lineage.isBase || lineage == .newer && hasNothingElse else { return nil }
        guard let stored = try await storedBase() else { return base.snapshot }
        let wasHere = base.files.allSatisfy { stored.entry($0.path)?.facts.isSame(as: $0) != false }
        return wasHere ? base.snapshot : nil
    }

    mutating func propose(_ commit: Commit, as name: CommitName) async throws -> Repository.Outcome {
        // A side commit without its merge is nothing that our state became.
        if mine == nil, !commit.isSide {
            proposed.append(try repository.snapshot(name, repository.encoded(commit, as: name), nil))
            await request.willCommit?(proposed, proposedSides)
        }
        return try await repository.propose(commit, as: name)
    }

    /// The commit that continues the heads.
    mutating func commit(_ manifest: Manifest, _ plan: MergePlan) async throws -> Commit {
        // A side commit is the head only where nothing else is left; it stays one.
        let parents = plan.heads.filter { !$0.commit.isSide }
        let sides = plan.heads.filter(\.commit.isSide) + [side?.snapshot].compactMap(\.self)
        let number = ((parents + sides).map(\.commit.seq) + [newest.heads.highestSequence]).max() ?? 0
        guard number < CommitName.highest else {
            throw RepositoryError.damaged(
                repository.key(of: CommitName(sequence: number)), "its number leaves no room for another commit")
        }
        var draft = try await draft(manifest, number: number + 1, parents: parents, sides: sides)
        draft.passedOver = passedOver(plan.heads, draft, plan.apart)
        // A merge has what any side has captured.
        let scopes = plan.heads.compactMap(\.commit.scope)
        draft.scope = mine == nil ? request.scope ?? scopes.first : scopes.first
        for scope in scopes { draft.scope = draft.scope?.united(with: scope) }
        draft.note = mine == nil ? request.note : "merge"
        return draft
    }

    /// Commits that were found and are not merged: damaged ones, heads that stay apart, and what the parents have passed over.
    ///
    /// The parents' are repeated: once a passed over commit is pruned, nothing else tells it from one that is contained.
    private func passedOver(
        _ parents: [Snapshot], _ draft: Commit, _ apart: [SaveResult.Apart]
    ) -> [Commit.PassedOver] {
        var found: [CommitName: Commit.PassedOver] = [:]
        for earlier in parents.flatMap(\.commit.passedOver) { found[earlier.name] = earlier }
        for damage in newest.heads.damaged {
            found[damage.name] = Commit.PassedOver(name: damage.name, reason: .damaged, id: damage.id)
        }
        for head in apart.map(\.snapshot) {
            found[head.name] = Commit.PassedOver(name: head.name, reason: .unmergeable, id: head.id)
        }
        let named = draft.namedCommits
        // Of one that is older than all that a parent names, it is unknown whether the parent contains it.
        let notMerged = found.values.filter { other in
            !named.contains(other.name) && parents.allSatisfy { $0.commit.isWithout(other.name) }
        }
        return Array(notMerged.sorted { $0.name < $1.name }.prefix(Commit.ancestorLimit))
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
        let id = try await memoryID(of: parents + sides)
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
    func checkAge() throws {
        guard writer.age >= Repository.longestSave else { return }
        throw RepositoryError(
            .tooSlow,
            "the save took more than \(Repository.longestSave.components.seconds / 3600) hours, so what it builds upon "
                + "may have been pruned", hint: "Run the command again.")
    }
}
