import AgentDatabase
import AgentFiles
import Agents
import FileIO
import Logging
import ObjectStore
import Repository

/// Source of a pull, and what it does about conflicts.
public struct PullOptions: Sendable {
    /// Where the files come from.
    public enum Source: String, Sendable, CaseIterable {
        /// The snapshots; the mirror view where there is none.
        case snapshots
        /// The mirror view, whatever the snapshots say.
        case mirror
    }

    /// The snapshot, as ``Repository/snapshot(named:)`` takes it; the newest if `nil`.
    public var snapshot: String?
    /// Policy for files that changed on both sides.
    public var onConflict: ConflictPolicy
    public var source: Source

    public init(snapshot: String? = nil, onConflict: ConflictPolicy = .stop, source: Source = .snapshots) {
        self.snapshot = snapshot
        self.onConflict = onConflict
        self.source = source
    }
}

/// Brings a snapshot here, or the mirror view: all of it, or nothing.
struct Pull: Sendable {
    let workspace: Workspace
    let options: PullOptions
    /// Operation of the truth table.
    let operation: PathOperation

    /// State of this machine that makes a pull needless, although files of the newest snapshot may be missing.
    enum SatisfyingState { case none, newer, sameOrNewer }

    /// Brings a snapshot here, unless what was synchronised last is as new.
    /// - Parameter listing: what the store has said of its commits, if it was asked just before.
    /// - Returns: also whether it was needless.
    func run(
        satisfiedBy state: SatisfyingState = .none, in listing: CommitListing? = nil
    ) async -> (result: SyncResult, isNeedless: Bool) {
        if options.source == .mirror { return (await runFromMirror(), false) }
        var (isMirrorOnly, isNeedless) = (false, false)
        var result = await measured(workspace.meter) { result in
            let remembered = try await workspace.remembered()
            let heads = try await workspace.repository.heads(
                known: [remembered?.snapshot].compactMap(\.self), in: listing)
            if let remembered, try await satisfies(remembered, heads, state) {
                isNeedless = true
                result.describe(remembered.snapshot)
                return
            }
            if heads.isEmpty, options.snapshot == nil {
                isMirrorOnly = true
                return
            }
            if let name = options.snapshot {
                let snapshot = try await workspace.repository.snapshot(named: name)
                let manifest = try await workspace.repository.manifest(of: snapshot)
                let start = try await start(remembered, heads)
                try await restore(snapshot, manifest, start, isMirrored: true, &result)
            } else {
                try await restoreNewest(heads, remembered, &result)
            }
            try tell(&result)
        }
        if isMirrorOnly {
            // A memory that another implementation wrote is restored as it is.
            let requests = result.requests
            result = await runFromMirror()
            result.requests += requests
            return (result, isNeedless)
        }
        await workspace.noteOldLayout(&result)
        return (result, isNeedless)
    }

    /// Tells of removals that wait.
    /// - Throws: ``SyncError`` where somebody is there to decide.
    private func tell(_ result: inout SyncResult) throws {
        guard let held = result.heldBack else { return }
        let error = SyncError.held(here: held)
        switch operation {
        case .pull, .merge, .force: throw error
        case .push, .restore, .follow, .watch: result.warnings.append(error.warning)
        }
    }

    /// Brings the store's files here as the mirror view shows them.
    ///
    /// Files that only this machine has stay, since the view does not tell what was removed. Names that must not be written
    /// are refused one by one and named in the result; the rest arrives.
    private func runFromMirror() async -> SyncResult {
        var result = await measured(workspace.meter) { result in
            let takenAt = workspace.environment.now()
            let scan = try await Restoration.scan(workspace)
            let source = try await MirrorSource.open(workspace)
            let known = source.checkpoint.map { KnownFiles(index: $0.index) }
            let restoration = Restoration(
                workspace: workspace, source: .mirror(source),
                comparison: Comparison(
                    operation: operation, base: ComparisonBase(state: known == nil ? .absent : .same, files: known)),
                known: known)
            let plan = try await restoration.plan(scan, &result)
            guard !plan.offered.isEmpty else { return }
            result.objectCount = plan.offered.count
            result.totalBytes = plan.offered.reduce(0) { $0 + $1.size }
            let remarks = plan.files.remarks
            try remarks.check(&result) { plan.here.cause(at: $0) }
            let staged = try await restoration.stage(plan.files, &result)
            var index = plan.files.index
            if let staged { index += try await restoration.commit(staged) }
            result.hasOldLayout = OldLayout.matches(plan.offered.lazy.map(\.path))
            let tags = source.tags(of: plan.offered, fetched: staged?.fetches ?? [])
            await workspace.remember(mirror: index, tags: tags, takenAt: takenAt)
            result.warnings += remarks.warnings
        }
        await workspace.noteOldLayout(&result)
        return result
    }

    private func satisfies(
        _ base: LocalState.Base, _ heads: Heads, _ state: SatisfyingState
    ) async throws -> Bool {
        guard state != .none, base.restoring == nil, !heads.isEmpty else { return false }
        if heads.snapshots.map(\.id) == [base.snapshot.id] { return state == .sameOrNewer }
        return try await workspace.repository.lineage(of: base.snapshot, to: heads) == .newer
    }

    private func start(_ remembered: LocalState.Base?, _ heads: Heads) async throws -> Start {
        guard let remembered else { return Start(remembered: nil, lineage: nil) }
        let lineage = try await workspace.repository.lineage(of: remembered.snapshot, to: heads.tipOnly)
        return Start(remembered: remembered, lineage: lineage)
    }

    /// Start of a pull.
    private struct Start {
        let remembered: LocalState.Base?
        /// How the remembered snapshot stands to those in the store; `nil` if there is none.
        let lineage: Lineage?

        /// Base of the comparison.
        var base: ComparisonBase { ComparisonBase(remembered?.files, lineage) }
    }

    /// Restores the newest snapshot that is whole.
    private func restoreNewest(
        _ heads: Heads, _ base: LocalState.Base?, _ result: inout SyncResult
    ) async throws {
        var damaged: [CommitName: String] = [:]
        while true {
            let newest = try await workspace.newest(heads, base, excluding: damaged, checking: .otherHeads)
                .preferring(base?.snapshot)
            let key = workspace.location.key
            guard let tip = newest.tip, let manifest = newest.manifest else {
                throw RepositoryError(
                    .damaged, key: ObjectKey(key),
                    "no snapshot of '\(key)' can be read: \(newest.heads.damaged.first?.reason ?? "all are damaged")",
                    hint:
                        "Run holdfast verify to see what is damaged. holdfast pull --source mirror takes the mirror view."
                )
            }
            do {
                let start = try await start(base, newest.heads)
                // Whoever saved it has updated the view, or has told that machine that this is still to be done.
                let isMirrored = base?.snapshot.id == tip.id ? base?.isMirrored == true : true
                try await restore(
                    tip, manifest, start, isStandIn: !newest.heads.damaged.isEmpty, isMirrored: isMirrored, &result)
                result.report(newest.heads)
                if let lineage = start.lineage { result.report(lineage) }
                if start.lineage == .newer {
                    result.warnings.append(
                        "this machine has a newer state than the store; holdfast push saves it again")
                }
                result.warnings += newest.heads.others(than: tip)
                return
            } catch let error as RepositoryError {
                let ruling = TruthTable.ruling(
                    operation, base: .unknown, here: .unknown, store: PathState(unreadable: error))
                guard ruling.outcome == .fallBack, damaged[tip.name] == nil else { throw error }
                workspace.logger.warning(
                    "A snapshot is damaged; looking for one before it",
                    metadata: ["snapshot": "\(tip.shortID)", "reason": "\(error)"])
                await workspace.note(error)
                damaged[tip.name] = error.message
            }
        }
    }

    /// - Parameter isStandIn: the snapshot takes the place of a damaged one. What it lacks may be in that: left out is not
    ///   deleted.
    private func restore(
        _ snapshot: Snapshot, _ manifest: Manifest, _ start: Start, isStandIn: Bool = false, isMirrored: Bool,
        _ result: inout SyncResult
    ) async throws {
        let takenAt = workspace.environment.now()
        let scan = try await Restoration.scan(workspace)
        // Where nothing is, not even what a killed pull has left, every file will be fetched.
        let isEmpty = scan.files.isEmpty && scan.excluded.isEmpty && scan.failures.isEmpty
        let ahead = isEmpty ? FramesAhead() : nil
        async let read: Void? = ahead?.read(manifest.wholeFileFrames, of: workspace.repository)
        do {
            let (files, databases) = manifest.entries.divided()
            let comparison = Comparison(operation: operation, base: start.base)
            let absences = AbsenceRule(
                isStandIn ? .unusable(.outOfScope) : .absent, scope: snapshot.commit.scope?.filter)
            let restoration = Restoration(
                workspace: workspace,
                source: .snapshot(SnapshotSource(workspace: workspace, entries: files, ahead: ahead)),
                comparison: comparison, known: start.remembered?.files, absences: absences)
            result.problems = []
            result.skipped.excluded = 0
            result.sessions = .none
            var plan = try await restoration.plan(scan, &result)
            result.describe(snapshot)
            let censuses = await KnownCensuses(workspace)
            var held = HeldRemovals()
            let waiting = await workspace.localState.heldRecord()
            let heldFiles = plan.holdBack(
                workspace.removals, censuses, hasDatabases: !databases.isEmpty, waiting: waiting.here, &held)
            let origin = comparison.base.state == .same ? start.remembered : nil
            let databasePlan = try await DatabaseComparison(
                workspace: workspace, comparison: comparison, origin: origin, missing: waiting.inStore
            ).plan(databases, absences: absences)
            result.problems += databasePlan.problems
            var remarks = plan.files.remarks
            remarks.add(databasePlan.remarks)
            try remarks.check(&result) { [here = plan.here] in here.cause(at: $0) ?? databasePlan.causes[$0] }
            let done = try await change(
                restoration, plan.files, databasePlan, snapshot, manifest, takenAt: takenAt, start, censuses,
                waiting: waiting.here, &result)
            result.warnings += databasePlan.warnings + remarks.warnings
            try await censuses.noteHere(databases)
            result.count(plan.files, of: manifest, here: plan.here, censuses)
            // Rows whose removal waits are known to the snapshot of before, which stays the base of what comes next.
            let former = done.restore.losses.isEmpty ? nil : start.remembered
            async let remembered: Void = workspace.remember(
                former?.snapshot ?? snapshot, nil, done.index, takenAt: takenAt,
                isMirrored: former?.isMirrored ?? isMirrored)
            await censuses.remember(done.index.map(\.facts) + manifest.entries.map(\.facts))
            result.hasOldLayout = databases.isEmpty && OldLayout.matches(files.lazy.map(\.path))
            result.files = plan.files.check(plan.here)
            await remembered
            for loss in done.restore.losses { held.add(loss) }
            if !held.isEmpty { result.heldBack = held }
            let heldPaths = HeldPaths(heldFiles + done.restore.heldBack)
            let completeness = done.restore.completeness
            await workspace.note { record in
                record.here = heldPaths
                for (path, isPartial) in completeness { record.partial.set(path, isMember: isPartial) }
            }
        } catch {
            ahead?.cancel()
            throw error
        }
        ahead?.cancel()
        await read
    }

    /// Fetches what is planned, then puts files and databases in place. What is about to happen is noted before.
    /// - Returns: the index of what is here now, and the sessions in databases whose removal waits.
    private func change(
        _ restoration: Restoration, _ plan: RestorePlan, _ databasePlan: DatabasePlan, _ snapshot: Snapshot,
        _ manifest: Manifest, takenAt: Int64, _ start: Start, _ censuses: KnownCensuses,
        waiting: HeldPaths, _ result: inout SyncResult
    ) async throws -> (index: [FileIndex.Entry], restore: DatabaseRestore) {
        let databaseRestore = try await DatabaseRestore.stage(
            databasePlan, workspace, takenAt: takenAt, known: start.remembered?.index, censuses,
            waiting: waiting, &result)
        let changesSomething = plan.hasWork || !databaseRestore.isEmpty
        // Both cores have work while the packs arrive.
        async let noted: Void = note(manifest)
        async let prepared =
            changesSomething
            ? await workspace.intent([snapshot], restoring: true, takenAt: takenAt) {
                plan.index + plan.fetches.compactMap(\.announced) + databasePlan.index + databaseRestore.announced
            } : nil
        var index = plan.index + databasePlan.index
        do {
            let staged = try await restoration.stage(plan, &result)
            let intent = await prepared
            func willChange() async throws {
                try await databaseRestore.lock(skipsInUse: operation == .restore)
                await workspace.announce(intent)
            }
            if let staged {
                index += try await restoration.commit(staged, willChange: willChange)
            } else if changesSomething {
                try await willChange()
            }
            index += try await databaseRestore.commit()
        } catch {
            await databaseRestore.abandon()
            throw error
        }
        // The index comes last: it is what counts.
        await noted
        result.warnings += databaseRestore.warnings
        result.conflicts += databaseRestore.conflicts
        return (index, databaseRestore)
    }

    private func note(_ manifest: Manifest) async {
        do { try await workspace.localState.write(manifest) } catch {
            workspace.logger.warning("Could not remember the manifest", metadata: ["error": "\(error)"])
        }
    }
}

extension Newest {
    /// The same with the head first that a machine's state was made from, where heads cannot be merged: each lineage goes on
    /// by itself.
    fileprivate func preferring(_ base: Snapshot?) -> Newest {
        guard let base, heads.hasUnmergeable else { return self }
        return movingFirst { $0.id == base.id || $0.commit.contains(base) }
    }
}

extension Heads {
    /// Whether a head says of another one that it cannot be merged with it.
    fileprivate var hasUnmergeable: Bool {
        snapshots.contains { head in snapshots.contains { head.cannotMerge(with: $0) } }
    }

    /// Sentences about the heads beside the one that was taken.
    fileprivate func others(than tip: Snapshot) -> [String] {
        let others = snapshots.filter { $0.id != tip.id }
        let apart = others.filter { $0.cannotMerge(with: tip) || tip.cannotMerge(with: $0) }
        var sentences = apart.map {
            "snapshot \($0.shortID) stays beside this one: their databases have no common schema until an agent is updated"
        }
        let count = others.count - apart.count
        if count > 0 {
            sentences.append(
                "\(count) more snapshots were saved at the same time as the newest; the next push merges them")
        }
        return sentences
    }
}

extension Workspace {
    /// Tells who has restored a state without a database that newer agents do not see it.
    func noteOldLayout(_ result: inout SyncResult) async {
        guard result.success, result.transferredObjects > 0, result.hasOldLayout else { return }
        // Where a database is already, the agent has made it from these files, or never will.
        if let found = try? await databases(), !found.databases.isEmpty { return }
        result.warnings.append(OldLayout.note)
    }
}
