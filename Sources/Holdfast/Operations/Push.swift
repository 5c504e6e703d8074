import AgentDatabase
import AgentFiles
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

    /// As ``Memory/push(allowShrink:asGuest:keepingTornFiles:leavingOut:)``, and notes what came of it.
    func run(
        allowShrink: Bool, asGuest: Bool, keepingTornFiles keepsStored: Bool,
        leavingOut: @Sendable (DatabaseFile) -> Bool
    ) async -> SyncResult {
        let result = await save(
            allowShrink: allowShrink, asGuest: asGuest, keepingTornFiles: keepsStored, leavingOut: leavingOut)
        await workspace.noteSave(result)
        return result
    }

    private func save(
        allowShrink: Bool, asGuest: Bool, keepingTornFiles keepsStored: Bool,
        leavingOut: @Sendable (DatabaseFile) -> Bool
    ) async -> SyncResult {
        await measured(workspace.meter) { result in
            let takenAt = workspace.environment.now()
            let scan = try await StorageScan.scan(workspace.storage, exclusions: workspace.exclusions)
            result.count(scan)
            let torn =
                keepsStored ? scan.files.filter { StateCheck.isTorn($0.path, size: $0.status.size) }.map(\.path) : []
            result.warnings += torn.map { "'\($0)' is empty, as if its writing was cut off; it is not saved like that" }
            let files = storable(
                torn.isEmpty ? scan.files : scan.files.filter { !StateCheck.isTorn($0.path, size: $0.status.size) },
                &result)
            var found = try await workspace.databases()
            result.problems += found.problems.map { problem in
                SyncResult.Problem(path: printable(problem.path.utf8), problem.cause.failure)
            }
            if let notice = found.leftOutNotice { result.warnings.append(notice) }
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
                return
            }
            let mayShrink = allowShrink || asGuest && base == nil
            try await save(capture, heads, base, allowShrink: mayShrink, &result)
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
        result.problems += refused.map {
            SyncResult.Problem(
                path: printable($0.path), reason: $0.reason.description, hint: SafePaths.Refusal.hint)
        }
        guard !refused.isEmpty else { return files }
        let names = Set(refused.map(\.path))
        return files.filter { !names.contains($0.path.bytes) }
    }

    private func save(
        _ capture: Capture, _ heads: Heads, _ base: LocalState.Base?, allowShrink: Bool, _ result: inout SyncResult
    ) async throws {
        let newest = try await workspace.newest(heads, base)
        result.report(newest.heads)
        var lineage: Lineage?
        if let base { lineage = try await workspace.repository.lineage(of: base.snapshot, to: newest.heads) }
        if let lineage { result.report(lineage) }
        if !allowShrink { try checkShrinking(capture, newest, lineage) }

        let writer = SnapshotWriter(workspace.repository, upon: newest, abandoning: Compaction.packs(of: newest))
        // Only what the newest snapshots are made from is certain to be there; from the rest, all content is offered.
        let captured = try await capture.write(to: writer, upon: newest, base: lineage == .contained ? base : nil)
        result.problems += captured.problems
        result.warnings += captured.warnings
        var request = SaveRequest(
            files: captured.files,
            base: base.map { ($0.snapshot, $0.facts(knowing: captured.index)) }, writer: self.writer,
            run: await workspace.withRestore(workflowRun))
        request.lineage = lineage
        request.scope = workspace.exclusions.captureScope
        request.willCommit = {
            await workspace.announce($0, restoring: false, captured.index, takenAt: capture.takenAt)
        }
        let warnings = NIOLockedValueBox<[String]>([])
        request.mergeFile = DatabaseMerger(workspace: workspace, writer: writer).merge(capture.databases, warnings)
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

        // What is here is what was saved: of what others changed, the next pull learns.
        let isShown = base?.isMirrored == true && base?.snapshot.id == saved.snapshot.id
        await workspace.remember(
            saved.snapshot, saved.manifest, captured.index, takenAt: capture.takenAt, isMirrored: isShown)
        // Only then the mirror, which may take long: whatever ends it, what was saved is known.
        if keepsMirror, !isShown, try await workspace.updateMirror(saved, upon: newest, &result) {
            await workspace.remember(saved.snapshot, nil, captured.index, takenAt: capture.takenAt, isMirrored: true)
        }
    }

    /// A state that lost most of its files is more often a disk that was not mounted, or an agent that started cold, than
    /// what somebody wanted.
    ///
    /// What others have added since is not missing here. Where nothing is known of what was the same, nothing counts as
    /// removed, so that a few files beside a few others are merged; but a few files beside many are a cold start.
    private func checkShrinking(_ capture: Capture, _ newest: Newest, _ lineage: Lineage?) throws {
        guard let tip = newest.tip?.commit, let manifest = newest.manifest else { return }
        let count = capture.files.count + capture.databases.count + capture.leftOut.count
        let removed = lineage.flatMap { capture.removed(from: manifest, $0) }
        if let removed {
            let gone = removed.filter(DatabaseEntries.contains)
            if let database = gone.first {
                throw RepositoryError(
                    .shrinks, "the database '\(database)' of the newest snapshot is missing here; nothing was saved",
                    hint: "Run holdfast pull first if the state is not complete. If it is, use --allow-shrink.")
            }
        }
        guard tip.files > 0, count * 2 < tip.files else { return }
        let isSmall =
            if let removed { removed.count * 2 > tip.files } else { tip.files >= 10 }
        guard count == 0 || isSmall else { return }
        let words = count == 0 ? "no file" : count == 1 ? "1 file" : "\(count) files"
        throw RepositoryError(
            .shrinks, "'\(workspace.storage)' has \(words), the newest snapshot has \(tip.files); nothing was saved",
            hint: "Run holdfast pull first if the state is not complete. If it is, use --allow-shrink.")
    }
}

extension LocalState.Base {
    /// Whether the snapshot has a version of a database.
    fileprivate func has(_ database: DatabaseFile) -> Bool {
        DatabaseEntries.path(of: database.name).map { index.entry($0) != nil } ?? false
    }
}
