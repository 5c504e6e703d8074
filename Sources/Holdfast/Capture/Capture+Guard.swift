import AgentDatabase
import AgentFiles
import Agents
import FileIO
import Repository

extension Capture {
    /// Decides which of the files that are missing here stay in the snapshot.
    ///
    /// A database that has vanished always does: its disk may not be there.
    /// - Parameters:
    ///   - lineage: how the base stands to the newest snapshot.
    ///   - waiting: what was held back before. It stays so, however much has come since.
    mutating func holdBack(
        _ removals: RemovalGuard, _ newest: Newest, _ lineage: Lineage, _ censuses: KnownCensuses,
        waiting: HeldPaths, _ held: inout HeldRemovals
    ) {
        guard !removals.isOff, let manifest = newest.manifest, let removed = removed(from: manifest, lineage) else {
            return
        }
        let databases = removed.filter(DatabaseEntries.contains)
        heldBack.formUnion(databases)
        held.databases += databases.map { printable($0.name) }

        let files = removed.filter { !DatabaseEntries.contains($0) && !$0.isMarker }.withoutReplaced(
            by: self.files.map(\.path))
        let stored = manifest.entries.map(\.path).filter { !DatabaseEntries.contains($0) && !$0.isMarker }
        // Where nothing is left, it does not matter how much others have added to what was here.
        let isEmpty = self.files.allSatisfy { $0.path.isMarker }
        let losses = [
            Loss(
                unit: .files, removed: files.count, total: isEmpty ? files.count : stored.count, isReplaced: !isEmpty),
            sessions(files, of: stored, manifest, censuses),
        ]
        guard !removals.holds(losses) else {
            heldBack.formUnion(files)
            for loss in losses { held.add(loss) }
            return
        }
        let kept = files.filter(waiting.contains)
        heldBack.formUnion(kept)
        held.add(Loss(unit: .files, removed: kept.count, total: stored.count))
    }

    /// The sessions that go with files. Agents that have a database no longer read those.
    private func sessions(
        _ removed: [RelativePath], of stored: [RelativePath], _ manifest: Manifest, _ censuses: KnownCensuses
    ) -> Loss? {
        guard databases.isEmpty, !manifest.entries.contains(where: { DatabaseEntries.contains($0.path) }) else {
            return nil
        }
        let here = censuses.sessions(at: files.map(\.path))
        let lost = here.lost(since: censuses.sessions(at: removed))
        return Loss(unit: .sessions, removed: lost, total: censuses.sessions(at: stored).count)
    }
}
