import AgentFiles
import Agents
import FileIO
import Repository

extension Restoration.Planned {
    /// Leaves files here of which a snapshot would remove most.
    /// - Parameters:
    ///   - hasDatabases: whether the snapshot has any: then the files of the JSON era are no longer sessions.
    ///   - waiting: what was held back before. It stays so, however much has come since.
    /// - Returns: the files that are held back.
    mutating func holdBack(
        _ removals: RemovalGuard, _ censuses: KnownCensuses, hasDatabases: Bool, waiting: HeldPaths,
        _ held: inout HeldRemovals
    ) -> [RelativePath] {
        let removed = files.removals.filter { !$0.isDiscard && !$0.path.isMarker }.map(\.path)
            .withoutReplaced(by: offered.map(\.path))
        guard !removals.isOff, !removed.isEmpty else { return [] }
        let present = here.files.map(\.path).filter { !$0.isMarker }
        // Where the snapshot has nothing at all, it does not matter how much else is here.
        let isEmpty = offered.allSatisfy { $0.path.isMarker }
        var losses = [
            Loss(
                unit: .files, removed: removed.count, total: isEmpty ? removed.count : present.count,
                isReplaced: !isEmpty)
        ]
        if !hasDatabases {
            losses.append(
                Loss(
                    unit: .sessions, removed: censuses.sessions(at: removed).count,
                    total: censuses.sessions(at: present).count))
        }
        guard !removals.holds(losses) else {
            files.holdBack(removed)
            for loss in losses { held.add(loss) }
            return removed
        }
        let kept = removed.filter(waiting.contains)
        files.holdBack(kept)
        held.add(Loss(unit: .files, removed: kept.count, total: present.count))
        return kept
    }
}

extension SyncResult {
    /// Counts what a restore changed in the storage directory. Databases are counted where they are put in place.
    mutating func count(
        _ plan: RestorePlan, of manifest: Manifest, here: LocalObservation, _ censuses: KnownCensuses
    ) {
        removed = plan.removals.count
        sessions.total = censuses.sessions(of: manifest.entries.map(\.facts))?.count
        guard !manifest.entries.contains(where: { DatabaseEntries.contains($0.path) }) else { return }
        let before = censuses.sessions(at: here.files.map(\.path))
        let brought = censuses.sessions(at: plan.fetches.map(\.file.path))
        var counts = SessionCounts(before: before, after: before, total: nil)
        counts.added = brought.gained(since: before)
        counts.continued = brought.count - brought.gained(since: before)
        counts.removed = censuses.sessions(at: plan.removals.map(\.path)).count
        counts.total = sessions.total
        sessions.add(counts)
    }
}
