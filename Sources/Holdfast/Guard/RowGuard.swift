import AgentDatabase
import AgentFiles
import Agents
import FileIO
import Repository

/// Keeps the rows of sessions in a database on its way into a snapshot whose removal waits.
struct RowGuard: Sendable {
    let workspace: Workspace
    let removals: RemovalGuard
    let censuses: KnownCensuses
    let newest: Newest
    /// Where the databases here come from; `nil` if that is not known, so that nothing counts as removed.
    let base: LocalState.Base?
    /// What was held back before.
    let waiting: HeldPaths

    /// What is stored in place of an image that has lost most of its sessions.
    enum Kept: Sendable {
        /// What the image has, and the rows that are missing in it.
        case united(DatabaseImage, Loss)
        /// The stored version, since the two cannot be united.
        case stored(Loss, reason: String)
    }

    /// - Returns: `nil` if the image may be stored as it is.
    /// - Throws: ``StoreError``, ``RepositoryError``, ``SQLiteError``, `DatabaseDamage`, ``FileError``, `CancellationError`.
    func keeping(_ image: DatabaseImage, _ own: SessionCensus?, at path: RelativePath) async throws -> Kept? {
        guard !removals.isOff, let own, let origin = try await origin(path),
            let before = try await censuses.stored(origin)
        else { return nil }
        let loss = Loss(unit: .sessions, removed: own.lost(since: before), total: before.count)
        guard removals.holds([loss]) || (waiting.contains(path) && loss.removed > 0) else { return nil }
        let union = try await FileIO.run { () throws -> DatabaseUnion in
            try image.check()
            let union = try DatabaseUnion()
            try union.copy(image, as: .ours)
            return union
        }
        try await workspace.fill(union, .theirs, origin)
        // Without a base nothing counts as deleted, on either side.
        let outcome = try await FileIO.run { try union.run(hasBase: false, $0) }
        switch outcome {
        case .noTarget(let reasons): return .stored(loss, reason: reasons.joined(separator: "; "))
        case .merged(let united, _): return .united(united, loss)
        }
    }

    /// The stored version that the database here comes from, if it is still to be had.
    private func origin(_ path: RelativePath) async throws -> Entry? {
        guard let old = base?.index.entry(path) else { return nil }
        if let entry = newest.manifest?.entry(path), entry.digest == old.sha256 { return entry }
        return try await workspace.origin(of: path, base)
    }
}
