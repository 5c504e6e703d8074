import AgentDatabase
import AgentFiles
import Agents
import Basics
import FileIO
import Repository

/// The restore with which a watch begins: the newer of each file, rows of databases merged.
struct WatchStart: Sendable {
    let workspace: Workspace
    /// Memories of other identities, for the same storage directory.
    let others: [Workspace]

    func run() async -> SyncResult {
        let options = PullOptions(onConflict: .newerWins)
        let isNew = await isNewDisk()
        // What is missing on a disk that seems new was not removed by the agent.
        var result = await Pull(workspace: workspace, options: options, operation: isNew ? .restore : .watch).run()
            .result
        if isNew, result.error == nil {
            result.warnings.append("the disk seems new: what was missing here is restored")
        }
        if result.error?.code == .databaseInUse {
            var added = await Follow(workspace: workspace, own: workspace).run()
            added.warnings.append("the agent is at work: rows of the store were added to its database")
            return added
        }
        guard result.error == nil, result.snapshot == nil, result.objectCount == 0 else { return result }
        for other in others {
            var seeded = await Follow(workspace: other, own: workspace).run()
            guard seeded.error == nil else { return seeded }
            guard seeded.objectCount > 0 else { continue }
            seeded.warnings.append(
                "the memory of '\(workspace.location.agent)' is empty; it begins with that of '\(other.location.agent)'"
            )
            return seeded
        }
        return result
    }

    /// Whether what is missing here is more likely to be missing with its disk than removed by the agent while nobody watched:
    /// the storage directory or a database is not there, or so much is gone that a removal would wait.
    private func isNewDisk() async -> Bool {
        do {
            guard let base = try await workspace.remembered() else { return false }
            // What a killed pull was about to remove or to bring is not the agent's doing.
            guard base.restoring == nil else { return true }
            let scan = try await StorageScan.scan(workspace.storage, exclusions: workspace.exclusions)
            let databases = Set(
                try await workspace.databases().databases.compactMap { DatabaseEntries.path(of: $0.name) })
            let here = Set(scan.files.map(\.path))
            let known = base.index.entries.map(\.path).filter {
                !$0.isMarker && workspace.exclusions.rule(for: $0) == nil
            }
            let stored = known.filter(DatabaseEntries.contains).filter {
                DatabaseEntries.name(at: $0, named: workspace.databaseOptions.named) != nil
            }
            if stored.contains(where: { !databases.contains($0) }) { return true }
            let files = known.filter { !DatabaseEntries.contains($0) }
            let missing = files.filter { !here.contains($0) }
            guard !missing.isEmpty else { return false }
            if scan.rootMissing || !scan.failures.isEmpty { return true }
            var losses = [Loss(unit: .files, removed: missing.count, total: files.count)]
            if stored.isEmpty {
                let censuses = await KnownCensuses(workspace)
                losses.append(
                    Loss(
                        unit: .sessions, removed: censuses.sessions(at: missing).count,
                        total: censuses.sessions(at: files).count))
            }
            return workspace.removals.holds(losses)
        } catch {
            // Unknown is not removed.
            return true
        }
    }
}
