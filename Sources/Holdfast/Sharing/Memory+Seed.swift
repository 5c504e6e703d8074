import Basics
import Repository

extension Memory {
    /// Whose memory this is.
    public var agent: AgentIdentity { location.agent }

    /// Brings the newest snapshot here as a watch begins with it: the newer of each file, rows of databases merged.
    ///
    /// An empty memory is seeded from the first of the others that has a snapshot. Where an agent has a database open that
    /// would have to be replaced, what the store has is added to it instead.
    /// - Parameter others: memories of other identities, for the same storage directory.
    public func restoreForWatch(sharing others: [Memory]) async -> SyncResult {
        let result = await pull(PullRequest(onConflict: .newerWins))
        if result.error?.code == .databaseInUse {
            var added = await follow(into: self)
            added.warnings.append("the agent is at work: rows of the store were added to its database")
            return added
        }
        guard result.error == nil, result.snapshot == nil, result.objectCount == 0 else { return result }
        for other in others {
            var seeded = await other.follow(into: self)
            guard seeded.error == nil else { return seeded }
            guard seeded.objectCount > 0 else { continue }
            seeded.warnings.append("the memory of '\(agent)' is empty; it begins with that of '\(other.agent)'")
            return seeded
        }
        return result
    }
}
