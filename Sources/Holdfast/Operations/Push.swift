import AgentDatabase
import AgentFiles
import Agents
import Basics
import FileIO
import Logging
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
            result.problems += found.problems.map { problem in
                SyncResult.Problem(path: printable(problem.path.utf8), problem.cause.failure)
            }
            if let notice = found.leftOutNotice { result.warnings.append(notice) }
            let place = await workspace.place(found.databases)
            result.place = place
            let base = try await workspace.remembered()
            let isLeftOut = found.databases.map { database in
                // Only those are asked about that would be captured.
                base?.index.matches(database) != true && leavingOut(database) && base?.has(database) == true
            }
            result.leftOutDatabases = zip(found.databases, isLeftOut).filter(\.1).map(\.0.path)
            var leftOut = zip(found.databases, isLeftOut).compactMap { $1 ? DatabaseEntries.path(of: $0.name) : nil }
            // What cannot be read is not gone, and neither is what the rules leave out.
            leftOut += found.otherNames.compactMap(DatabaseEntries.path)
            found.databases = zip(found.databases, isLeftOut).filter { !$1 }.map(\.0)
            var heads = try await workspace.repository.heads(known: [base?.snapshot].compactMap(\.self))
            if heads.isEmpty, try await adoptMirror(&result) { heads = try await workspace.repository.heads() }
            if heads.isEmpty, files.isEmpty, found.databases.isEmpty { return }

            var capture = Capture(
                workspace, files, found.databases, leavingOut: leftOut, failures: scan.failures, base, takenAt: takenAt)
            capture.torn = torn
            capture.logs = scan.logs
            if capture.isUnchanged, let base, heads.snapshots.map(\.id) == [base.snapshot.id],
                base.isMirrored || !keepsMirror
            {
                result.describe(base.snapshot)
                result.sessions = try await sessions(of: base, found.databases)
                return
            }
            var push = self
            if let seenAt, let place, seenAt.isKept(in: place) { push.allowsShrinking = true }
            try await push.saveOverDamage(capture, heads, base, &result)
            guard let held = result.heldBack else { return }
            let error = SyncError.held(inStore: held, storage: workspace.storage)
            guard isGentle else { throw error }
            result.warnings.append(error.warning)
        }
    }

    /// How often a save begins anew, because damage shows while it is at work or because of edits in the mirror view.
    private static let mostRestarts = 8

    /// Saves, and begins anew without the snapshots that need a pack which turns out to be damaged.
    private func saveOverDamage(
        _ capture: Capture, _ heads: Heads, _ base: LocalState.Base?, _ result: inout SyncResult
    ) async throws {
        var unusable = try await workspace.stillDamagedPacks()
        var heads = heads
        for restart in 0...Self.mostRestarts {
            let isLast = restart == Self.mostRestarts
            var attempt = result
            do {
                // Where others save without a pause, the edits of other tools are left to a later save.
                try await save(capture, heads, base, unusable, takingEdits: !isLast, &attempt)
                result = attempt
                return
            } catch let error as RepositoryError where error.kind == .damaged && !isLast {
                guard let pack = workspace.repository.pack(of: error), unusable.insert(pack).inserted else {
                    result = attempt
                    throw error
                }
                await workspace.note(error)
                workspace.logger.warning(
                    "A pack is damaged; saving without the snapshots that need it", metadata: ["reason": "\(error)"])
            } catch is HeadsChanged {
                result.warnings = attempt.warnings
                heads = try await workspace.repository.heads(known: [base?.snapshot].compactMap(\.self))
            } catch {
                result = attempt
                throw error
            }
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

    /// Saves what another tool has changed below `storage/`, so that the push merges it as it merges what others have saved.
    /// - Throws: ``HeadsChanged`` if there was anything, or if somebody else has saved meanwhile.
    private func adoptEdits(_ newest: Newest, _ result: inout SyncResult) async throws {
        guard let edits = try await MirrorEdits.find(workspace, newest) else { return }
        let repository = workspace.repository
        let adoption = Adoption(workspace: workspace, writer: SnapshotWriter(repository, upon: newest))
        let edited = try await adoption.run(edits.objects, &result)
        guard !edited.isEmpty else { return }
        // A save commits before it writes into the view: the newest snapshots of now have what a save in between wrote.
        let now = try await repository.heads(known: newest.heads.snapshots)
        guard now.snapshots.map(\.id) == newest.heads.snapshots.map(\.id) else { throw HeadsChanged() }
        let paths = Set(edited.map(\.path))
        let shown = edits.manifest.entries
        let others = shown.filter { !paths.contains($0.path) }.map { SaveRequest.File.stored($0) }
        let request = SaveRequest(
            files: (others + edited).sorted { $0.path < $1.path }, base: (edits.shown, shown.map(\.facts)),
            writer: writer, run: workflowRun, note: "took in what another tool wrote into the mirror view")
        let saved = try await repository.save(adoption.writer, request)
        let names = paths.sorted().prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        result.warnings.append(
            "another tool wrote into the mirror view: \(names)\(paths.count > 5 ? ", …" : ""); taken in as snapshot "
                + saved.snapshot.shortID)
        throw HeadsChanged()
    }

    /// The files whose names a pull would write; the others are named in the result.
    private func storable(
        _ files: [StorageScan.ScannedFile], _ result: inout SyncResult
    ) -> [StorageScan.ScannedFile] {
        let paths = files.map(\.path)
        // Names that are both on this disk do not collide here.
        var refused = SafePaths.check(paths, existing: paths).refused
        refused += paths.filter(DatabaseEntries.contains).map { SafePaths.Refusal(path: $0.bytes, reason: .reserved) }
        result.problems += refused.map {
            SyncResult.Problem(
                path: printable($0.path), reason: $0.reason.description, hint: SafePaths.Refusal.hint)
        }
        guard !refused.isEmpty else { return files }
        let names = Set(refused.map(\.path))
        return files.filter { !names.contains($0.path.bytes) }
    }

    /// There are newer snapshots, which are to be merged.
    private struct HeadsChanged: Error {}

    /// - Parameters:
    ///   - unusable: packs that are known to be damaged.
    ///   - takingEdits: look for edits of other tools in the mirror view, and take them in first.
    /// - Throws: ``HeadsChanged`` if there are newer snapshots to build upon.
    private func save(
        _ capture: Capture, _ heads: Heads, _ base: LocalState.Base?, _ unusable: Set<Digest>, takingEdits: Bool,
        _ result: inout SyncResult
    ) async throws {
        // Where nobody else has saved, the store is not asked again before it is known that there is something to save.
        let isAlone = base.map { heads.snapshots.map(\.id) == [$0.snapshot.id] } ?? false
        let newest = try await workspace.newest(
            heads, base, checking: isAlone ? .none : .allHeads, unusable: unusable)
        result.report(newest.heads)
        try checkEmpty(capture, newest)
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
        let record = await workspace.localState.heldRecord()
        let waiting = record.inStore
        if let lineage { capture.holdBack(removals, newest, lineage, censuses, waiting: waiting, &held) }
        let rows = RowGuard(
            workspace: workspace, removals: removals, censuses: censuses, newest: newest,
            base: lineage?.isBase == true || lineage == .newer ? base : nil, waiting: waiting)

        var kept: Manifest?
        if let base, lineage == .contained { kept = try await keptManifest(of: base.snapshot, newest) }
        let writer = SnapshotWriter(
            workspace.repository, upon: newest, and: [kept].compactMap(\.self),
            abandoning: Compaction.packs(of: newest))
        // Only what snapshots have that are certain to stay need not be read; of the rest, all content is offered.
        let captured = try await capture.write(
            to: writer, upon: newest, base: lineage == .contained ? base?.stored(in: writer) : nil, guardedBy: rows)
        if base.map({ captured.isUnchanged(since: $0) }) != true {
            if isAlone, let damage = try await workspace.repository.damage(in: newest) { throw damage }
            if takingEdits, keepsMirror, !newest.manifests.isEmpty { try await adoptEdits(newest, &result) }
        }
        for loss in captured.losses { held.add(loss) }
        result.problems += captured.problems
        result.warnings += captured.warnings
        var request = SaveRequest(
            files: captured.files,
            base: base.map { base in
                (base.snapshot, base.facts(knowing: captured.index).filter { !record.partial.contains($0.path) })
            }, writer: self.writer,
            run: await workspace.withRestore(workflowRun))
        request.baseManifest = kept
        request.lineage = lineage
        request.scope = workspace.exclusions.captureScope
        request.willCommit = { [takenAt = capture.takenAt] in
            await workspace.announce($0, sides: $1, restoring: false, captured.index, takenAt: takenAt)
        }
        let merger = DatabaseMerger(
            workspace: workspace, writer: writer, images: captured.images, censuses: censuses)
        request.mergeFile = merger.merge(capture.databases)
        if workspace.databaseOptions.keepsSecrets, captured.writtenDatabases {
            result.warnings.append(
                "the stored databases hold credentials (--keep-database-secrets): whoever may read the store can use them"
            )
        }
        let saved = try await workspace.repository.save(writer, request)
        result.describe(saved.snapshot)
        result.transferredObjects = captured.writtenFiles
        result.isNewSnapshot = saved.isNew
        result.merged = saved.isMerged
        result.mergeConflicts = saved.conflicts.map(\.description)
        let remarks = merger.remarks(own: saved.own?.snapshot)
        result.warnings += remarks.warnings
        result.conflicts += saved.losers.map(\.sentence) + remarks.conflicts
        result.count(saved, upon: newest, censuses)
        result.heldBack = held.isEmpty ? nil : held
        let heldPaths = HeldPaths(capture.heldBack.union(captured.heldBack))
        await workspace.note { $0.inStore = heldPaths }

        // Of what others changed, the next pull learns: the base is the snapshot that has what is here.
        let isShown = base?.isMirrored == true && base?.snapshot.id == saved.snapshot.id
        await remember(saved, captured, capture, base, lineage, isMirrored: isShown)
        await censuses.remember(captured.index.map(\.facts) + saved.manifest.entries.map(\.facts))
        // Only then the mirror, which may take long: whatever ends it, what was saved is known.
        if keepsMirror, !isShown, try await workspace.updateMirror(saved, upon: newest, &result) {
            await remember(saved, captured, capture, base, lineage, isMirrored: true)
        }
        if let apart = saved.apart.first {
            result.apart = SyncError(
                code: .changedOnBothSides,
                message: "snapshot \(apart.snapshot.shortID) stays beside the state of this machine, which is saved as "
                    + "snapshot \(saved.snapshot.shortID): \(apart.reason)",
                hint: "Update the agent where it is older, then run the command again.")
        }
    }

    /// The manifest of the base, where it is not one of the newest snapshots and the store still has it.
    private func keptManifest(of base: Snapshot, _ newest: Newest) async throws -> Manifest? {
        if newest.heads.snapshots.contains(where: { $0.id == base.id }) { return nil }
        let known = await workspace.localState.manifest(of: base)
        return try await workspace.repository.keptManifest(of: base, known: known, beside: newest)
    }

    /// Remembers the snapshot that has the state of this machine and nothing else.
    private func remember(
        _ saved: SaveResult, _ captured: Capture.Captured, _ capture: Capture, _ base: LocalState.Base?,
        _ lineage: Lineage?, isMirrored: Bool
    ) async {
        let (snapshot, manifest) = saved.own ?? (saved.snapshot, saved.manifest)
        // A base has what was here, and nothing else in its place: what others made of it would count as undone here.
        let isBehind = captured.files.contains { file in
            manifest.entry(file.path)?.digest != file.facts.digest
        }
        if saved.own == nil, isBehind, let base, lineage == .contained {
            let known = await workspace.localState.manifest(of: base.snapshot)
            let index = base.merged(with: captured.index)
            return await workspace.remember(
                base.snapshot, known, index, takenAt: capture.takenAt, isMirrored: false)
        }
        await workspace.remember(
            snapshot, manifest, captured.index, takenAt: capture.takenAt,
            isMirrored: isMirrored && snapshot.id == saved.snapshot.id)
    }

    /// Where snapshots cannot be read, an empty state says nothing, and would hide the damage.
    private func checkEmpty(_ capture: Capture, _ newest: Newest) throws {
        guard capture.files.isEmpty, capture.databases.isEmpty, let damage = newest.heads.damaged.first else { return }
        throw RepositoryError(
            .damaged, "snapshot \(damage.name) cannot be read, and there is nothing here to save: \(damage.reason)",
            hint: "Run holdfast verify to see what is damaged, and holdfast push on a machine that has the files.")
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

extension SaveResult.Loser {
    fileprivate var sentence: String {
        let place = keptIn.isEmpty ? "" : " is in snapshot \(keptIn.map(\.shortID).joined(separator: " or "))"
        return
            "\(path): changed here and in the store; the \(isOurs ? "version of this machine" : "other version")\(place)"
    }
}

extension LocalState.Base {
    /// The base with those files only that a save may refer to without reading them.
    fileprivate func stored(in writer: SnapshotWriter) -> LocalState.Base {
        let manifests = writer.newest.manifests + writer.others
        if writer.newest.heads.snapshots.contains(where: { $0.id == snapshot.id }) { return self }
        let entries = index.entries.filter { entry in
            manifests.contains { $0.entry(entry.path)?.facts.isSame(as: entry.facts) == true }
        }
        return LocalState.Base(
            snapshot: snapshot, index: FileIndex(scope: "", base: [], takenAt: index.takenAt, entries: entries),
            isMirrored: isMirrored, restoring: restoring)
    }

    /// What the base has of files, with what is known of those that are here as it has them.
    fileprivate func merged(with here: [FileIndex.Entry]) -> [FileIndex.Entry] {
        let here = Dictionary(here.map { ($0.path, $0) }) { first, _ in first }
        return index.entries.map { entry in
            here[entry.path].flatMap { $0.sha256 == entry.sha256 ? $0 : nil } ?? entry
        }
    }

    /// Whether the snapshot has a version of a database.
    fileprivate func has(_ database: DatabaseFile) -> Bool {
        DatabaseEntries.path(of: database.name).map { index.entry($0) != nil } ?? false
    }
}
