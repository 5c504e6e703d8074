import AgentDatabase
import AgentFiles
import FileIO
import Logging
import ObjectStore
import Repository

/// Adds to a storage directory, which belongs to another identity, what a memory has new since the last time.
///
/// By the rows of `follow` in the truth table: nothing is removed, and what was removed here stays so until it changes there.
struct Follow: Sendable {
    /// Of the memory that is followed.
    let workspace: Workspace
    /// Of the memory that the storage directory belongs to.
    let own: Workspace

    /// What is remembered of following: apart from what a push or pull of the same memory remembers, since those may know a
    /// snapshot without having brought all of it here.
    private var state: LocalState {
        LocalState(
            directory: workspace.stateDirectory, store: workspace.store.location,
            memory: "\(workspace.location.key)\0followed", storage: workspace.storage)
    }

    func run() async -> SyncResult {
        await measured(workspace.meter) { result in
            let (repository, key) = (workspace.repository, workspace.location.key)
            let remembered = await state.read()
            let heads = try await repository.heads(known: [remembered?.snapshot].compactMap(\.self))
            guard !heads.isEmpty else { return }
            if let remembered, heads.snapshots.map(\.id) == [remembered.snapshot.id] {
                result.describe(remembered.snapshot)
                return
            }
            let newest = try await repository.newest(heads: heads)
            result.report(newest.heads)
            guard let tip = newest.tip, let manifest = newest.manifest else {
                throw RepositoryError(
                    .damaged, key: ObjectKey(key), "no snapshot of '\(key)' can be read",
                    hint: "Run holdfast verify to see what is damaged.")
            }
            var lineage: Lineage?
            if let remembered { lineage = try await repository.lineage(of: remembered.snapshot, to: newest.heads) }
            if let lineage { result.report(lineage) }
            try await add(tip, manifest, lineage?.isBase == true ? remembered : nil, &result)
        }
    }

    private func add(
        _ snapshot: Snapshot, _ manifest: Manifest, _ base: LocalState.Base?, _ result: inout SyncResult
    ) async throws {
        let takenAt = workspace.environment.now()
        let scan = try await Restoration.scan(workspace)
        let (files, databases) = manifest.entries.divided()
        let comparison = Comparison(
            operation: .follow, base: ComparisonBase(state: base == nil ? .absent : .same, files: base?.files))
        let restoration = Restoration(
            workspace: workspace, source: .snapshot(SnapshotSource(workspace: workspace, entries: files)),
            comparison: comparison, known: base?.files)
        let plan = try await restoration.plan(scan, &result, savedTimes: savedTimes)
        try plan.files.remarks.check(&result) { plan.here.failure(at: $0) }
        result.describe(snapshot)
        var index = plan.files.index
        // Nothing is noted before: what a killed follow has brought is the same as what is to come.
        if let staged = try await restoration.stage(plan.files, &result) {
            index += try await restoration.commit(staged)
        }
        result.warnings += plan.files.remarks.warnings
        for entry in databases {
            if let known = try await add(entry, base, comparison, &result) { index.append(known) }
        }
        try await state.write(snapshot, manifest, index, takenAt: takenAt, isMirrored: false)
    }

    /// When files here last changed by the snapshot that this machine knows, for those whose content is still what it has.
    private func savedTimes(of files: [StorageScan.ScannedFile]) async throws -> [RelativePath: Int64] {
        guard !files.isEmpty, let base = await own.localState.read(),
            let manifest = await own.localState.manifest(of: base.snapshot)
        else { return [:] }
        let paths = Set(files.map(\.path))
        let entries = manifest.entries.filter { paths.contains($0.path) }
        let sizes = Dictionary(entries.map { ($0.path, $0.size) }) { first, _ in first }
        let digests = try await LocalDigests(storage: own.storage, known: base.files).digests(of: files, sizes: sizes)
        let same = entries.filter { digests[$0.path] == $0.digest }
        return Dictionary(same.map { ($0.path, $0.modified) }) { first, _ in first }
    }

    /// Adds the rows of one database.
    /// - Returns: what is to be remembered of it, if anything is known of it: what was before where its rows were refused.
    private func add(
        _ entry: Entry, _ base: LocalState.Base?, _ comparison: Comparison, _ result: inout SyncResult
    ) async throws -> FileIndex.Entry? {
        let done = FileIndex.Entry(
            path: entry.path, size: entry.size, modified: entry.modified, changed: 0, inode: 0, sha256: entry.digest)
        guard let name = DatabaseEntries.name(at: entry.path, named: workspace.databaseOptions.named) else {
            return done
        }
        guard !workspace.leavesOut(database: entry.path) else { return done }
        let found = try await workspace.databases()
        let present = found.databases.first { $0.name == name }
        let cause = found.problems.first { $0.name == name }?.cause
        // Rows are added to it whatever else it holds: its content is not compared.
        let here =
            present.map { PathVersion.content(nil, modified: $0.modified) }
            ?? cause.map { PathVersion.unusable(PathState(unreadableDatabase: $0)) } ?? .absent
        let before = base?.index.entry(entry.path)
        let isNew = before?.sha256 != entry.digest
        let store = PathVersion.content(entry.digest, modified: isNew ? entry.modified : before?.modified ?? 0)
        switch comparison.ruling(of: entry.path, here: here, store: store).outcome {
        case .take: try await install(entry, name, &result)
        case .merge:
            if let present, try await !addRows(of: entry, to: present, base, &result) { return before }
        case .skip:
            if let cause { result.warnings.append("\(cause); it stays as it is") }
            return before
        default: break
        }
        return done
    }

    /// Puts a database in place that is not here yet.
    private func install(_ entry: Entry, _ name: [UInt8], _ result: inout SyncResult) async throws {
        let place = DatabaseScan.path(
            of: name, beside: workspace.storage, named: workspace.databaseOptions.named)
        var plan = DatabasePlan()
        plan.changes = [DatabasePlan.Change(entry: entry, place: place, present: nil, how: .replace)]
        let restore = try await DatabaseRestore.stage(
            plan, workspace, takenAt: workspace.environment.now(), await KnownCensuses(workspace), &result)
        do {
            try await restore.lock()
            _ = try await restore.commit()
        } catch {
            await restore.abandon()
            throw error
        }
    }

    /// - Returns: whether the rows were added; if not, the next look tries again.
    private func addRows(
        of entry: Entry, to present: DatabaseFile, _ base: LocalState.Base?, _ result: inout SyncResult
    ) async throws -> Bool {
        let union = try await FileIO.run { try DatabaseUnion() }
        let origin = try await workspace.origin(of: entry.path, base)
        let files = try await FileIO.run {
            (theirs: try union.file(for: .ours), base: origin == nil ? nil : try union.file(for: .base))
        }
        let image = FollowedImage(workspace: workspace, path: state.path(ofImage: present.name))
        try await image.fetch(entry, into: files.theirs, origin: origin, into: files.base)
        // Before it gets the paths of this machine.
        await image.keep(files.theirs)
        let (rebase, checkout) = (workspace.databaseOptions.rebase, await workspace.databaseOptions.checkout())
        let hidden = await image.hiddenTables()
        let addition = try await FileIO.run { cancellation in
            try union.add(
                to: present, hasBase: origin != nil, forgetting: hidden, rebase: rebase, checkout: checkout,
                cancellation)
        }
        guard addition.refusal.isEmpty else {
            result.warnings.append(
                "the database '\(entry.path)' has one schema here and another there; its rows were not taken over "
                    + "(\(addition.refusal.joined(separator: "; ")))")
            return false
        }
        await image.note(hiddenTables: addition.report.unplacedTables)
        result.warnings += addition.report.sentences { $0 == .theirs ? "in the memory that is followed" : nil }
            .map { "\(entry.path): \($0)" }
        if addition.rows > 0 { result.transferredObjects += 1 }
        return true
    }
}
