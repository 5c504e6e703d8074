import AgentState
import FileIO
import Logging
import NIOConcurrencyHelpers
import ObjectStore
import Repository

extension Memory {
    /// Makes the storage directory the newest snapshot, merged with what others saved since it was synchronised last.
    ///
    /// An unchanged directory costs one request and makes no snapshot. A file that cannot be read, or that changes while
    /// it is read, is named in the result; the snapshot keeps the version it had.
    /// - Parameters:
    ///   - allowShrink: save a state that has fewer than half the files of the newest snapshot, or none.
    ///   - asGuest: the memory is another identity's. What it has and this machine never had is not missing here, however
    ///     much it is.
    ///   - keepsStored: a JSON file of no bytes is being written, or was when its writer was killed, and would make the state
    ///     corrupt by RFC-002. Such a file counts as unreadable: the snapshot keeps the version that it had.
    ///   - leavingOut: is asked of each database that changed or is new whether this push leaves it as it is in the snapshot.
    ///     One that is in no snapshot yet is never left out.
    public func push(
        allowShrink: Bool = false, asGuest: Bool = false, keepingTornFiles keepsStored: Bool = false,
        leavingOut: @Sendable (DatabaseFile) -> Bool = { _ in false }
    ) async -> SyncResult {
        let result = await save(
            allowShrink: allowShrink, asGuest: asGuest, keepingTornFiles: keepsStored, leavingOut: leavingOut)
        await noteSave(result)
        return result
    }

    private func save(
        allowShrink: Bool, asGuest: Bool, keepingTornFiles keepsStored: Bool,
        leavingOut: @Sendable (DatabaseFile) -> Bool
    ) async -> SyncResult {
        await measured(meter) { result in
            let takenAt = wallClock()
            let scan = try await StorageScan.scan(options.storage, exclusions: options.exclusions)
            result.count(scan)
            let torn =
                keepsStored ? scan.files.filter { StateCheck.isTorn($0.path, size: $0.status.size) }.map(\.path) : []
            result.warnings += torn.map { "'\($0)' is empty, as if its writing was cut off; it is not saved like that" }
            let files = storable(
                torn.isEmpty ? scan.files : scan.files.filter { !StateCheck.isTorn($0.path, size: $0.status.size) },
                &result)
            var found = try await databases()
            result.problems += found.problems.map { SyncResult.Problem(path: $0.path, reason: $0.reason) }
            let base = try await remembered()
            let isLeftOut = found.databases.map { database in
                // Only those are asked about that would be captured.
                base?.index.matches(database) != true && leavingOut(database) && base?.has(database) == true
            }
            result.leftOutDatabases = zip(found.databases, isLeftOut).filter(\.1).map(\.0.path)
            let leftOut = zip(found.databases, isLeftOut).compactMap { $1 ? DatabaseEntries.path(of: $0.name) : nil }
            found.databases = zip(found.databases, isLeftOut).filter { !$1 }.map(\.0)
            var heads = try await repository.heads(known: [base?.snapshot].compactMap(\.self))
            if heads.isEmpty, try await adoptMirror(&result) { heads = try await repository.heads() }
            if heads.isEmpty, files.isEmpty, found.databases.isEmpty { return }

            var capture = Capture(
                self, files, found.databases, leavingOut: leftOut, failures: scan.failures, base, takenAt: takenAt)
            capture.torn = torn
            if capture.isUnchanged, let base, heads.snapshots.map(\.id) == [base.snapshot.id],
                base.isMirrored || !options.keepsMirror
            {
                result.describe(base.snapshot)
                return
            }
            let mayShrink = allowShrink || asGuest && base == nil
            try await save(capture, heads, base, allowShrink: mayShrink, &result)
        }
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
        _ capture: Capture, _ heads: Heads, _ base: LocalState.Base?, allowShrink: Bool, _ result: inout SyncResult
    ) async throws {
        let newest = try await newest(heads, base)
        report(newest.heads, &result)
        var lineage: Lineage?
        if let base { lineage = try await repository.lineage(of: base.snapshot, to: newest.heads) }
        if let lineage { report(lineage, &result) }
        if !allowShrink { try checkShrinking(capture, newest, lineage) }

        let writer = SnapshotWriter(repository, upon: newest, abandoning: Compaction.packs(of: newest))
        // Only what the newest snapshots are made from is certain to be there; from the rest, all content is offered.
        let captured = try await capture.write(to: writer, upon: newest, base: lineage == .contained ? base : nil)
        result.problems += captured.problems
        result.warnings += captured.warnings
        var request = SaveRequest(
            files: captured.files,
            base: base.map { ($0.snapshot, $0.facts(knowing: captured.index)) }, writer: options.writer,
            run: await runSinceRestore())
        request.lineage = lineage
        request.scope = options.exclusions.captureScope
        request.willCommit = { await announce($0, restoring: false, captured.index, takenAt: capture.takenAt) }
        let warnings = NIOLockedValueBox<[String]>([])
        request.mergeFile = databaseMerger(capture.databases, writer, warnings)
        if options.keepsDatabaseSecrets, captured.writtenDatabases {
            result.warnings.append(
                "the stored databases hold credentials (--keep-database-secrets): whoever may read the store can use them"
            )
        }
        let saved = try await repository.save(writer, request)
        result.warnings += warnings.withLockedValue { $0 }
        result.describe(saved.snapshot)
        result.transferredObjects = captured.writtenFiles
        result.isNewSnapshot = saved.isNew
        result.merged = saved.isMerged
        result.mergeConflicts = saved.conflicts.map(\.description)

        // What is here is what was saved: of what others changed, the next pull learns.
        let isShown = base?.isMirrored == true && base?.snapshot.id == saved.snapshot.id
        await remember(saved.snapshot, saved.manifest, captured.index, takenAt: capture.takenAt, isMirrored: isShown)
        // Only then the mirror, which may take long: whatever ends it, what was saved is known.
        if options.keepsMirror, !isShown, try await updateMirror(saved, upon: newest, &result) {
            await remember(saved.snapshot, nil, captured.index, takenAt: capture.takenAt, isMirrored: true)
        }
    }

    /// The newest snapshots with their manifests, from this machine's memory where it has them.
    func newest(_ heads: Heads?, _ base: LocalState.Base?, excluding: [CommitName: String] = [:]) async throws -> Newest
    {
        var known: [(snapshot: Snapshot, manifest: Manifest)] = []
        if let base, let manifest = await localState.manifest(of: base.snapshot) { known = [(base.snapshot, manifest)] }
        return try await repository.newest(heads: heads, known: known, excluding: excluding)
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
            .shrinks, "'\(options.storage)' has \(words), the newest snapshot has \(tip.files); nothing was saved",
            hint: "Run holdfast pull first if the state is not complete. If it is, use --allow-shrink.")
    }

    /// What is remembered, with what a process that was killed had no time to remember.
    /// - Throws: ``StoreError``.
    func remembered() async throws -> LocalState.Base? {
        let base = await localState.read()
        guard let intent = await localState.intent() else { return base }
        if intent.isRestore {
            guard var start = base ?? intent.snapshots.first.map(LocalState.Base.init(nothingOf:)) else { return nil }
            start.restoring = intent.index
            return start
        }
        for snapshot in intent.snapshots.reversed() where try await repository.holds(snapshot) {
            logger.info("The last push was cut off after it had saved", metadata: ["snapshot": "\(snapshot.shortID)"])
            // At once, since the next intent takes the place of this one.
            try await localState.write(
                snapshot, nil, intent.index.entries, takenAt: intent.index.takenAt, isMirrored: false)
            return LocalState.Base(snapshot: snapshot, index: intent.index, isMirrored: false)
        }
        return base
    }

    /// Notes what is about to happen, before it happens.
    func announce(_ snapshots: [Snapshot], restoring: Bool, _ entries: [FileIndex.Entry], takenAt: Int64) async {
        await announce(await intent(snapshots, restoring: restoring, takenAt: takenAt) { entries })
    }

    /// Prepares ``announce(_:)``.
    func intent(
        _ snapshots: [Snapshot], restoring: Bool, takenAt: Int64, _ entries: @escaping @Sendable () -> [FileIndex.Entry]
    ) async -> LocalState.EncodedIntent? {
        do {
            return try await localState.encodeIntent(snapshots, isRestore: restoring, takenAt: takenAt, entries)
        } catch {
            logger.warning("Could not note what is about to happen", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Notes what is about to happen, before it happens.
    /// - Parameter intent: `nil` if there is none to be had.
    func announce(_ intent: LocalState.EncodedIntent?) async {
        guard let intent else { return }
        do { try await localState.write(intent) } catch {
            logger.warning("Could not note what is about to happen", metadata: ["error": "\(error)"])
        }
    }

    func remember(
        _ snapshot: Snapshot, _ manifest: Manifest?, _ entries: [FileIndex.Entry], takenAt: Int64, isMirrored: Bool
    ) async {
        do {
            try await localState.write(snapshot, manifest, entries, takenAt: takenAt, isMirrored: isMirrored)
        } catch {
            logger.warning("Could not remember what was synchronised", metadata: ["error": "\(error)"])
        }
    }
}

extension SyncResult {
    mutating func count(_ scan: StorageScan) {
        skipped.links = scan.skippedLinks
        skipped.specialFiles = scan.skippedSpecialFiles
        skipped.excluded = scan.excluded.values.reduce(0, +)
        problems = scan.failures.map { Problem(path: "\($0.path)", reason: "\($0.cause)") }
    }

    mutating func describe(_ newest: Snapshot) {
        snapshot = newest.id.hexadecimal
        snapshotTime = newest.commit.time
        objectCount = newest.commit.files
        totalBytes = newest.commit.bytes
    }
}

extension LocalState.Base {
    /// Whether the snapshot has a version of a database.
    fileprivate func has(_ database: DatabaseFile) -> Bool {
        DatabaseEntries.path(of: database.name).map { index.entry($0) != nil } ?? false
    }
}
