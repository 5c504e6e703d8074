import Basics
import Repository

/// The restore with which a watch begins: the newer of each file, rows of databases merged.
struct WatchStart: Sendable {
    let workspace: Workspace
    /// Memories of other identities, for the same storage directory.
    let others: [Workspace]

    func run() async -> SyncResult {
        let options = PullOptions(onConflict: .newerWins)
        let result = await Pull(workspace: workspace, options: options, operation: .watch).run().result
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
}
