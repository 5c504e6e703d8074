import AgentDatabase
import AgentFiles
import Agents
import Basics
import FileIO
import Logging
import NIOConcurrencyHelpers
import ObjectStore
import Repository

/// Makes the storage directory the newest snapshot, merged with what others saved since it was synchronised last.
struct Push: Sendable {
    let workspace: Workspace
    /// Who saves: host and process, for people.
    let writer: String
    let workflowRun: Commit.Run?
    /// Keep one object for each file beside the packs.
    let keepsMirror: Bool

    /// Removals go through, however many they are.
    var allowsShrinking = false
    /// Where somebody has seen the removals one by one: they go through if the state still lies there.
    var seenAt: PlaceIdentity?
    /// Removals that wait are a warning, and no error.
    var isGentle = false
    /// A JSON file of no bytes keeps the version that the snapshot has.
    var keepsTornFiles = false

    /// As ``Memory/push(allowShrink:seenAt:gently:keepingTornFiles:leavingOut:)``, and notes what came of it.
    func run(leavingOut: @Sendable (DatabaseFile) -> Bool) async -> SyncResult {
        let result = await save(leavingOut: leavingOut)
        await workspace.noteSave(result)
        return result
    }

    private func save(leavingOut: @Sendable (DatabaseFile) -> Bool) async -> SyncResult {
        await measured(workspace.meter) { result in
            let takenAt = workspace.environment.now()
            let scan = try await StorageScan.scan(workspace.storage, exclusions: workspace.exclusions)
            result.count(scan)
            let torn =
                keepsTornFiles ? scan.files.filter { StateCheck.isTorn($0.path, size: $0.status.size) }.map(\.path) : []
            result.warnings += torn.map { "'\($0)' is empty, as if its writing was cut off; it is not saved like that" }
            let files = storable(
                torn.isEmpty ? scan.files : scan.files.filter { !StateCheck.isTorn($0.path, size: $0.status.size) },
                &result)
            var found = try await workspace.databases()
            result.problems += found.problems.map { SyncResult.Problem(path: $0.path, reason: $0.reason) }
            let place = await workspace.place(found.databases)
            result.place = place
            let base = try await workspace.remembered()
            let isLeftOut = found.databases.map { database in
                // Only those are asked about that would be captured.
                base?.index.matches(database) != true && leavingOut(database) && base?.has(database) == true
            }
            result.leftOutDatabases = zip(found.databases, isLeftOut).filter(\.1).map(\.0.path)
            let leftOut = zip(found.databases, isLeftOut).compactMap { $1 ? DatabaseEntries.path(of: $0.name) : nil }
            found.databases = zip(found.databases, isLeftOut).filter { !$1 }.map(\.0)
            var heads = try await workspace.repository.heads(known: [base?.snapshot].compactMap(\.self))
            if heads.isEmpty, try await adoptMirror(&result) { heads = try await workspace.repository.heads() }
            if heads.isEmpty, files.isEmpty, found.databases.isEmpty { return }

            var capture = Capture(
                workspace, files, found.databases, leavingOut: leftOut, failures: scan.failures, base, takenAt: takenAt)
            capture.torn = torn
            capture.unreadable = found.problems.compactMap { problem in
                problem.path.utf8.split(separator: UInt8(ascii: "/")).last.flatMap {
                    DatabaseEntries.path(of: Array($0))
                }
            }
            if capture.isUnchanged, let base, heads.snapshots.map(\.id) == [base.snapshot.id],
                base.isMirrored || !keepsMirror
            {
                result.describe(base.snapshot)
                result.sessions = try await sessions(of: base, found.databases)
                return
            }
            var push = self
            if let seenAt, let place, seenAt.isKept(in: place) { push.allowsShrinking = true }
            try await push.save(capture, heads, base, &result)
            guard let held = result.heldBack else { return }
            let error = SyncError.held(inStore: held, storage: workspace.storage)
            guard isGentle else { throw error }
            result.warnings.append(error.warning)
        }
    }

    /// Makes a mirror view that has no snapshot the first one, as it is, so that nothing of it can get lost: another
    /// implementation of RFC-019 wrote it.
    /// - Returns: whether there was anything to adopt.
    private func adoptMirror(_ result: inout SyncResult) async throws -> Bool {
        let objects = try await workspace.mirrorObjects()
        guard !objects.isEmpty else { return false }
        let repository = workspace.repository
        let newest = try await repository.newest(heads: Heads())
        let adoption = Adoption(workspace: workspace, writer: SnapshotWriter(repository, upon: newest))
        let files = try await adoption.run(objects, &result)
        guard !files.isEmpty else { return false }
        let saved = try await repository.save(
            adoption.writer,
            SaveRequest(files: files, base: nil, writer: writer, run: workflowRun, note: "adopted the mirror view"))
        // The view shows what was made of it: nothing of it has to be written again, or compared.
        if keepsMirror { try await workspace.markMirror(saved.snapshot) }
        workspace.logger.info(
            "The mirror view became the first snapshot",
            metadata: ["files": "\(saved.snapshot.commit.files)", "snapshot": "\(saved.snapshot.shortID)"])
        return true
    }

    /// The files whose names a pull would write; the others are named in the result.
    private func storable(
        _ files: [StorageScan.ScannedFile], _ result: inout SyncResult
    ) -> [StorageScan.ScannedFile] {
        let paths = files.map(\.path)
        // Names that are both on this disk do not collide here.
        var refused = SafePaths.check(paths, existing: paths).refused
        refused += paths.filter(DatabaseEntries.contains).map { SafePaths.Refusal(path: $0.bytes, reason: .reserved) }
        result.problems += refused.map { SyncResult.Problem(path: printable($0.path), reason: $0.reason.description) }
        guard !refused.isEmpty else { return files }
        let names = Set(refused.map(\.path))
        return files.filter { !names.contains($0.path.bytes) }
    }

    private func save(
        _ capture: Capture, _ heads: Heads, _ base: LocalState.Base?, _ result: inout SyncResult
    ) async throws {
        let newest = try await workspace.newest(heads, base)
        result.report(newest.heads)
        var lineage: Lineage?
        if let base { lineage = try await workspace.repository.lineage(of: base.snapshot, to: newest.heads) }
        if let lineage { result.report(lineage) }
        if let base, lineage == .contained {
            let rollback = try await workspace.repository.rollback(since: base.snapshot, in: newest.heads)
            result.rolledBackBy = rollback?.commit.writer
        }
        let censuses = await KnownCensuses(workspace)
        let removals = RemovalGuard(isOff: allowsShrinking)
        var (capture, held) = (capture, HeldRemovals())
        let waiting = await workspace.localState.heldRecord().inStore
        if let lineage { capture.holdBack(removals, newest, lineage, censuses, waiting: waiting, &held) }
        let rows = RowGuard(
            workspace: workspace, removals: removals, censuses: censuses, newest: newest,
            base: lineage?.isBase == true || lineage == .newer ? base : nil, waiting: waiting)

        let writer = SnapshotWriter(workspace.repository, upon: newest, abandoning: Compaction.packs(of: newest))
        // Only what the newest snapshots are made from is certain to be there; from the rest, all content is offered.
        let captured = try await capture.write(
            to: writer, upon: newest, base: lineage == .contained ? base : nil, guardedBy: rows)
        for loss in captured.losses { held.add(loss) }
        result.problems += captured.problems
        result.warnings += captured.warnings
        var request = SaveRequest(
            files: captured.files,
            base: base.map { ($0.snapshot, $0.facts(knowing: captured.index)) }, writer: self.writer,
            run: await workspace.withRestore(workflowRun))
        request.lineage = lineage
        request.scope = workspace.exclusions.captureScope
        request.willCommit = { [takenAt = capture.takenAt] in
            await workspace.announce($0, restoring: false, captured.index, takenAt: takenAt)
        }
        let warnings = NIOLockedValueBox<[String]>([])
        request.mergeFile = DatabaseMerger(
            workspace: workspace, writer: writer, images: captured.images, censuses: censuses
        ).merge(capture.databases, warnings)
        if workspace.databaseOptions.keepsSecrets, captured.writtenDatabases {
            result.warnings.append(
                "the stored databases hold credentials (--keep-database-secrets): whoever may read the store can use them"
            )
        }
        let saved = try await workspace.repository.save(writer, request)
        result.warnings += warnings.withLockedValue { $0 }
        result.describe(saved.snapshot)
        result.transferredObjects = captured.writtenFiles
        result.isNewSnapshot = saved.isNew
        result.merged = saved.isMerged
        result.mergeConflicts = saved.conflicts.map(\.description)
        result.count(saved, upon: newest, censuses)
        result.heldBack = held.isEmpty ? nil : held
        let heldPaths = HeldPaths(capture.heldBack.union(captured.heldBack))
        await workspace.note { $0.inStore = heldPaths }

        // What is here is what was saved: of what others changed, the next pull learns.
        let isShown = base?.isMirrored == true && base?.snapshot.id == saved.snapshot.id
        await workspace.remember(
            saved.snapshot, saved.manifest, captured.index, takenAt: capture.takenAt, isMirrored: isShown)
        await censuses.remember(captured.index.map(\.facts) + saved.manifest.entries.map(\.facts))
        // Only then the mirror, which may take long: whatever ends it, what was saved is known.
        if keepsMirror, !isShown, try await workspace.updateMirror(saved, upon: newest, &result) {
            await workspace.remember(saved.snapshot, nil, captured.index, takenAt: capture.takenAt, isMirrored: true)
        }
    }

    /// The sessions of a state that is as it was when it was synchronised.
    private func sessions(of base: LocalState.Base, _ databases: [DatabaseFile]) async throws -> SessionCounts {
        let censuses = await KnownCensuses(workspace)
        for database in databases {
            guard let entry = base.files.known(database), censuses.known(entry.sha256) == nil else { continue }
            censuses.note(try await censuses.here(database), of: entry.sha256)
        }
        let census = censuses.sessions(of: base.index.entries.map(\.facts))
        return SessionCounts(before: census, after: census, total: census)
    }
}

extension LocalState.Base {
    /// Whether the snapshot has a version of a database.
    fileprivate func has(_ database: DatabaseFile) -> Bool {
        DatabaseEntries.path(of: database.name).map { index.entry($0) != nil } ?? false
    }
}
