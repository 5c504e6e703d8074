import Agents
import Repository

extension SyncResult {
    /// Counts what a save changed.
    /// - Parameter newest: the snapshots that were the newest before.
    mutating func count(_ saved: SaveResult, upon newest: Newest, _ censuses: KnownCensuses) {
        let before = newest.manifest?.entries.map(\.facts) ?? []
        let after = saved.manifest.entries.map(\.facts)
        removed = Difference(from: before, to: after).removed.count
        let total = censuses.sessions(of: after)
        sessions = SessionCounts(before: censuses.sessions(of: before), after: total, total: total)
    }
}
