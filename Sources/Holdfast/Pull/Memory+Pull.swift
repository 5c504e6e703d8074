import AgentFiles
import Basics
import FileIO
import Logging
import ObjectStore
import Repository

/// What a pull brings, and how.
public struct PullRequest: Sendable {
    /// Where the files come from.
    public enum Source: String, Sendable, CaseIterable {
        /// The snapshots; the mirror view where there is none.
        case snapshots
        /// The mirror view, whatever the snapshots say.
        case mirror
    }

    /// The snapshot, as ``Repository/snapshot(named:)`` takes it; the newest if `nil`.
    public var snapshot: String?
    /// What to do about files that changed on both sides.
    public var onConflict: ConflictPolicy
    public var source: Source

    public init(snapshot: String? = nil, onConflict: ConflictPolicy = .stop, source: Source = .snapshots) {
        self.snapshot = snapshot
        self.onConflict = onConflict
        self.source = source
    }
}

extension Memory {
    /// Brings a snapshot here: all of it, or nothing.
    ///
    /// Files that only this machine has stay. Files that did not change here follow the snapshot. What is here already is
    /// not fetched. If the newest snapshot is damaged, the one before it is taken, and the result says so.
    public func pull(_ request: PullRequest = PullRequest()) async -> SyncResult {
        await pull(request, unless: .never).result
    }

    /// Which snapshot here makes a pull needless, although files of it may be missing.
    enum Sufficient { case never, newer, sameOrNewer }

    /// Brings a snapshot here, unless what was synchronised last is as new.
    /// - Parameter listing: what the store has said of its commits, if it was asked just before.
    /// - Returns: also whether it was needless.
    func pull(
        _ request: PullRequest, unless sufficient: Sufficient, in listing: CommitListing? = nil
    ) async -> (result: SyncResult, isNeedless: Bool) {
        if request.source == .mirror {
            var result = await mirror.pull(onConflict: request.onConflict)
            await noteOldLayout(&result)
            return (result, false)
        }
        var (isMirrorOnly, isNeedless) = (false, false)
        var result = await measured(meter) { result in
            let remembered = try await remembered()
            let heads = try await repository.heads(known: [remembered?.snapshot].compactMap(\.self), in: listing)
            if let remembered, try await isEnough(remembered, heads, sufficient) {
                isNeedless = true
                result.describe(remembered.snapshot)
                return
            }
            if heads.isEmpty, request.snapshot == nil {
                isMirrorOnly = true
                return
            }
            if let name = request.snapshot {
                let snapshot = try await repository.snapshot(named: name)
                let manifest = try await repository.manifest(of: snapshot)
                let start = try await start(remembered, heads)
                try await restore(snapshot, manifest, start, request.onConflict, isMirrored: true, &result)
            } else {
                try await restoreNewest(heads, remembered, request.onConflict, &result)
            }
        }
        if isMirrorOnly {
            // A memory that another implementation wrote is restored as it is.
            let requests = result.requests
            result = await mirror.pull(onConflict: request.onConflict)
            result.requests += requests
        }
        await noteOldLayout(&result)
        return (result, isNeedless)
    }

    private func isEnough(_ base: LocalState.Base, _ heads: Heads, _ sufficient: Sufficient) async throws -> Bool {
        guard sufficient != .never, base.restoring == nil, !heads.isEmpty else { return false }
        if heads.snapshots.map(\.id) == [base.snapshot.id] { return sufficient == .sameOrNewer }
        return try await repository.lineage(of: base.snapshot, to: heads) == .newer
    }

    private func start(_ remembered: LocalState.Base?, _ heads: Heads) async throws -> Start {
        guard let remembered else { return Start(remembered: nil, lineage: nil) }
        let lineage = try await repository.lineage(of: remembered.snapshot, to: heads)
        return Start(remembered: remembered, lineage: lineage)
    }

    /// What a pull starts from.
    private struct Start {
        let remembered: LocalState.Base?
        /// How the remembered snapshot stands to those in the store; `nil` if there is none.
        let lineage: Lineage?

        /// What the files here are compared with.
        func base(_ snapshot: Snapshot, _ entries: [Entry]) -> LocalState.Base? {
            switch lineage {
            case nil, .unrelated?: return nil
            case .contained?: return remembered
            case .newer?:
                // The store fell back behind this machine. Nothing changed there, so all differences are changes here.
                let index = entries.map { entry in
                    FileIndex.Entry(
                        path: entry.path, size: entry.size, modified: entry.modified, changed: 0, inode: 0,
                        sha256: entry.digest)
                }
                return LocalState.Base(
                    snapshot: snapshot, index: FileIndex(scope: "", base: [], takenAt: 0, entries: index),
                    isMirrored: false,
                    restoring: remembered?.restoring)
            }
        }
    }

    /// Restores the newest snapshot that is whole.
    private func restoreNewest(
        _ heads: Heads, _ base: LocalState.Base?, _ policy: ConflictPolicy, _ result: inout SyncResult
    ) async throws {
        var damaged: [CommitName: String] = [:]
        while true {
            let newest = try await newest(heads, base, excluding: damaged)
            guard let tip = newest.tip, let manifest = newest.manifest else {
                throw RepositoryError(
                    .damaged, key: ObjectKey(location.key),
                    "no snapshot of '\(location.key)' can be read: \(newest.heads.damaged.first?.reason ?? "all are damaged")",
                    hint:
                        "Run holdfast verify to see what is damaged. holdfast pull --source mirror takes the mirror view."
                )
            }
            do {
                let start = try await start(base, newest.heads)
                // Whoever saved it has updated the view, or has told that machine that this is still to be done.
                let isMirrored = base?.snapshot.id == tip.id ? base?.isMirrored == true : true
                try await restore(tip, manifest, start, policy, isMirrored: isMirrored, &result)
                report(newest.heads.damaged, &result)
                if start.lineage == .newer {
                    result.warnings.append(
                        "this machine has a newer state than the store; holdfast push saves it again")
                }
                if newest.heads.snapshots.count > 1 {
                    result.warnings.append(
                        "\(newest.heads.snapshots.count - 1) more snapshots were saved at the same time as the newest; "
                            + "the next push merges them")
                }
                return
            } catch let error as RepositoryError {
                guard error.kind == .damaged, damaged[tip.name] == nil else { throw error }
                logger.warning(
                    "A snapshot is damaged; looking for one before it",
                    metadata: ["snapshot": "\(tip.shortID)", "reason": "\(error)"])
                damaged[tip.name] = error.message
            }
        }
    }

    private func restore(
        _ snapshot: Snapshot, _ manifest: Manifest, _ start: Start, _ policy: ConflictPolicy, isMirrored: Bool,
        _ result: inout SyncResult
    ) async throws {
        let takenAt = wallClock()
        let scan = try await StorageScan.scan(options.storage, exclusions: .onlyNeverStored)
        // What cannot be seen cannot be compared, and must not be replaced.
        if let failure = scan.failures.first { throw failure.cause }
        // Where nothing is, not even what a killed pull has left, every file will be fetched.
        let isEmpty = scan.files.isEmpty && scan.excluded.isEmpty
        let ahead = isEmpty ? FramesAhead() : nil
        async let read: Void? = ahead?.read(manifest.wholeFileFrames, of: repository)
        do {
            try await restore(
                snapshot, manifest, start, policy, scan, ahead, takenAt: takenAt, isMirrored: isMirrored, &result)
        } catch {
            ahead?.cancel()
            throw error
        }
        ahead?.cancel()
        await read
    }

    private func restore(
        _ snapshot: Snapshot, _ manifest: Manifest, _ start: Start, _ policy: ConflictPolicy, _ scan: StorageScan,
        _ ahead: FramesAhead?, takenAt: Int64, isMirrored: Bool, _ result: inout SyncResult
    ) async throws {
        result.problems = []
        result.skipped.excluded = 0
        let (entries, databases) = manifest.entries.divided()
        let base = start.base(snapshot, manifest.entries)
        let digests = try await LocalDigests(storage: options.storage, base: start.remembered).digests(
            of: scan.files, for: entries)
        // It keeps a core busy, and not the one that the network is served on.
        let (plan, restorable) = try await FileIO.run {
            func plan(_ entries: [Entry]) -> RestorePlan {
                RestorePlan(entries, local: scan.files, digests: digests, base: base, policy: policy)
            }
            // Which names are in the way of others depends on what goes.
            let removed = base == nil ? [] : Set(plan(entries).removals.map(\.path))
            let restorable = RestorableFiles(
                entries, existing: scan.files.map(\.path).filter { !removed.contains($0) })
            return (plan(restorable.allowed), restorable)
        }
        restorable.describe(to: &result, logger)
        result.describe(snapshot)
        let databasePlan = try await planDatabases(databases, base, policy)
        result.problems += databasePlan.problems
        result.warnings += databasePlan.warnings
        guard plan.conflicts.isEmpty, databasePlan.conflicts.isEmpty else {
            result.conflicts = (plan.conflicts + databasePlan.conflicts).map(\.description)
            throw conflictError(result.conflicts)
        }
        let databaseRestore = try await DatabaseRestore.stage(databasePlan, self, takenAt: takenAt, &result)
        let restore = Restore(memory: self, plan: plan, ahead: ahead)
        let changesSomething = restore.hasWork || !databaseRestore.isEmpty
        // Both cores have work while the packs arrive.
        async let noted: Void = note(manifest)
        async let prepared =
            changesSomething
            ? await intent([snapshot], restoring: true, takenAt: takenAt) {
                plan.index + plan.fetches.map(\.indexEntry) + databasePlan.index + databaseRestore.announced
            } : nil
        var index = plan.index + databasePlan.index
        do {
            let tree = try await restore.stage(&result)
            let intent = await prepared
            func willChange() async throws {
                try await databaseRestore.lock(force: policy == .storeWins)
                await announce(intent)
            }
            if let tree {
                index += try await restore.commit(tree, willChange: willChange)
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
        let inPlace = index
        async let remembered: Void = remember(snapshot, nil, inPlace, takenAt: takenAt, isMirrored: isMirrored)
        result.warnings += databaseRestore.warnings
        result.hasOldLayout = databases.isEmpty && OldLayout.matches(entries.lazy.map(\.path))
        result.files = plan.check(scan.files)
        await remembered
    }

    private func note(_ manifest: Manifest) async {
        do { try await localState.write(manifest) } catch {
            logger.warning("Could not remember the manifest", metadata: ["error": "\(error)"])
        }
    }
}

/// The error of a pull that would have to choose between two versions.
func conflictError(_ paths: [String]) -> SyncError {
    let shown = paths.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
    let more = paths.count > 5 ? " and \(paths.count - 5) more" : ""
    return SyncError(
        code: .changedOnBothSides,
        message: "changed here and in the store: \(shown)\(more); nothing was touched",
        hint: "Use --merge to take the newer of each, or --force to take the store's.")
}
