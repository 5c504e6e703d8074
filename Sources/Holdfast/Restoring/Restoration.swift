import AgentFiles
import FileIO
import ObjectStore
import Repository

/// One restore: plans what a source changes here, fetches that into a staging directory, then changes all files at once.
struct Restoration: Sendable {
    let workspace: Workspace
    let source: RestoreSource
    let comparison: Comparison
    /// Files here whose content need not be read to be known.
    let known: KnownFiles?
    /// How the source's lack of a path counts; `nil` if it says nothing.
    var absences: AbsenceRule?

    /// Looks at all files of the storage directory.
    static func scan(_ workspace: Workspace) async throws -> StorageScan {
        try await StorageScan.scan(workspace.storage, exclusions: workspace.exclusions.forRestoring)
    }

    /// Files that are to be restored, and what has to change for it.
    struct Planned: Sendable {
        let offered: [OfferedFile]
        let here: LocalObservation
        var files: RestorePlan
    }

    /// Decides about each path; nothing changes.
    /// - Parameter savedTimes: finds out when files here changed that differ from those offered; `nil` if the files tell.
    /// - Throws: ``FileError``, ``StoreError``, `CancellationError`.
    func plan(
        _ scan: StorageScan, _ result: inout SyncResult,
        savedTimes: (([StorageScan.ScannedFile]) async throws -> [RelativePath: Int64])? = nil
    ) async throws -> Planned {
        let digests = try await LocalDigests(
            storage: workspace.storage, known: known, logs: scan.logs,
            keepsSecrets: workspace.databaseOptions.keepsSecrets
        ).digests(
            of: scan.files, sizes: scan.files.isEmpty ? [:] : source.sizes)
        var here = LocalObservation(scan, digests: digests)
        // Without a base, nothing can be missing.
        let missing = comparison.base.files == nil ? nil : absences.map { source.absences($0) }
        // It keeps a core busy, and not the one that the network is served on.
        let (restorable, kinds) = try await FileIO.run { [here] in sortOut(scan, here, missing) }
        restorable.describe(to: &result, workspace.logger)
        let offered = try await source.identify(restorable.allowed, &here)
        let times = try await savedTimes?(Self.differing(here, from: offered)) ?? [:]
        let plan = try await FileIO.run { [here] in decide(offered, here, missing, times, kinds) }
        return Planned(offered: offered, here: here, files: plan)
    }

    /// Sorts out which files may be written beside those that stay.
    private func sortOut(
        _ scan: StorageScan, _ here: LocalObservation, _ missing: RestorePlan.Absences?
    ) -> (RestorableFiles, KindConflicts?) {
        // Which names are in the way of others depends on what goes.
        let removed = missing == nil ? [] : Set(decide(source.uncheckedFiles, here, missing).removals.map(\.path))
        let staying = scan.files.map(\.path).filter { !removed.contains($0) }
        func sort(_ existing: [RelativePath]) -> RestorableFiles {
            RestorableFiles(
                source, existing: existing, workspace.exclusions.forRestoring, comparison.operation)
        }
        let files = sort(staying)
        let otherKinds = files.otherKinds
        guard !otherKinds.isEmpty else { return (files, nil) }
        let kinds = KindConflicts(
            source.files(named: Set(otherKinds)), staying: Set(staying), here, comparison)
        guard !kinds.isEmpty else { return (files, nil) }
        var rest = kinds.displaced.isEmpty ? files : sort(staying.filter { !kinds.displaced.contains($0) })
        let told = kinds.unresolved.union(kinds.ceded.map(\.path))
        rest.drop(
            Set(
                rest.otherKinds.filter { name in
                    RelativePath(name).map {
                        told.contains($0) || $0.ancestors.contains(where: kinds.unresolved.contains)
                    } == true
                }))
        return (rest, kinds)
    }

    private func decide(
        _ offered: [OfferedFile], _ here: LocalObservation, _ absences: RestorePlan.Absences?,
        _ savedTimes: [RelativePath: Int64] = [:], _ kinds: KindConflicts? = nil
    ) -> RestorePlan {
        var plan = RestorePlan(
            offered, here: here, comparison: comparison, absences: absences, savedTimes: savedTimes)
        if let kinds { plan.settle(kinds, here) }
        return plan
    }

    /// The files here that a source has with other content.
    private static func differing(_ here: LocalObservation, from offered: [OfferedFile]) -> [StorageScan.ScannedFile] {
        let digests = Dictionary(offered.map { ($0.path, $0.digest) }) { first, _ in first }
        return here.files.filter { file in digests[file.path].map { $0 != here.digests[file.path] } ?? false }
    }

    /// Files that lie in a staging directory.
    struct Staged: Sendable {
        fileprivate let tree: StagedTree
        /// With all digests, in the order of their paths.
        let fetches: [RestorePlan.Fetch]
    }

    /// Fetches and verifies all files; none that is here changes.
    /// - Returns: `nil` if there is nothing to do.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, ``FileError``.
    func stage(_ plan: RestorePlan, _ result: inout SyncResult) async throws -> Staged? {
        let storage = workspace.storage
        guard plan.hasWork else {
            // A pull that was killed at its very end has left no work, but its staging directory.
            await FileIO.cleanUp { try? StagedTree.removeLeftovers(in: storage) }
            return nil
        }
        workspace.progress.begin(files: plan.fetches.count, bytes: plan.fetches.reduce(0) { $0 + $1.file.size })
        let tree = try await FileIO.run { [source] in
            try StagedTree.open(storage, reusingLeftovers: source.isResumable)
        }
        tree.reserveCapacity(plan.fetches.count + plan.removals.count)
        do {
            let missing = try await reuse(plan.fetches, in: tree)
            result.transferredObjects += missing.count
            let arrived = try await source.fetch(missing, into: tree)
            for removal in plan.removals { tree.remove(removal.path, expecting: removal.expected) }
            if !plan.quarantined.isEmpty {
                result.replacedKeptAt = try await ReplacedFiles.keep(plan.quarantined, of: storage)
                await workspace.pruneKeptStates()
            }
            // A source that cannot be resumed has fetched all of them.
            return Staged(tree: tree, fetches: source.isResumable ? plan.fetches : arrived)
        } catch {
            await giveUp(tree, because: error)
            throw error
        }
    }

    /// Changes all files, or none.
    /// - Parameter willChange: called before the first file changes.
    /// - Returns: the files that were written, as they are now.
    /// - Throws: what `willChange` throws, ``FileError``, `Obstacle`; nothing has changed then.
    func commit(
        _ staged: Staged, willChange: () async throws -> Void = {}
    ) async throws -> [FileIndex.Entry] {
        do { try await willChange() } catch {
            await giveUp(staged.tree, because: error)
            throw error
        }
        return try await FileIO.run {
            // Both are in the order of their paths.
            var placed = try staged.tree.commit()[...]
            return staged.fetches.compactMap { fetch in
                while let first = placed.first, first.path < fetch.file.path { placed.removeFirst() }
                let isPlaced = placed.first?.path == fetch.file.path
                return fetch.restored(isPlaced ? placed.removeFirst().status : nil)
            }
        }
    }

    /// Removes what was staged, unless only the way to the store broke: then the next pull verifies and uses it.
    private func giveUp(_ tree: StagedTree, because error: any Error) async {
        if source.isResumable, Self.mayContinue(error) { return }
        await FileIO.cleanUp { tree.abandon() }
    }

    private static func mayContinue(_ error: any Error) -> Bool {
        guard let error = error as? StoreError else { return error is CancellationError }
        return [.unreachable, .server, .throttled, .cancelled].contains(error.kind)
    }

    /// Takes over what a pull that was killed has staged.
    /// - Returns: what is still to be fetched.
    private func reuse(_ fetches: [RestorePlan.Fetch], in tree: StagedTree) async throws -> [RestorePlan.Fetch] {
        guard tree.hasLeftovers else { return fetches }
        return try await FileIO.run { cancellation in
            try fetches.filter { fetch in
                try cancellation.check()
                let file = fetch.file
                guard let digest = file.digest else { return true }
                return !tree.reuse(
                    file.path, size: file.size, sha256: digest, modified: file.modified,
                    permissions: file.permissions, expecting: fetch.expected)
            }
        }
    }
}

extension RestorePlan {
    /// Whether any file changes.
    var hasWork: Bool { !fetches.isEmpty || !removals.isEmpty }
}
