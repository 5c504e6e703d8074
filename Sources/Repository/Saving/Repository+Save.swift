import FileIO
import Logging
import ObjectStore

extension Repository {
    /// Rounds of losing against others before a save gives up.
    static let saveRounds = 5
    /// A save that takes longer than half of prune's grace might refer to what is being deleted.
    static let longestSave = PrunePolicy.defaultGrace / 2

    /// Makes a state the newest snapshot, merged with whatever others saved in the meantime.
    ///
    /// The state is merged with the newest snapshots (three-way, with the request's base) and committed under the next
    /// number. Who loses the number merges with the winner and tries again. The commit is read back before success is
    /// reported.
    /// - Parameters:
    ///   - writer: has all new content of the state.
    ///   - request: the state.
    /// - Throws: ``RepositoryError`` of kind `conflict` if others were faster five times: then the state is kept in the
    ///   store as a second head, and the next save merges it. ``StoreError``.
    public func save(_ writer: SnapshotWriter, _ request: SaveRequest) async throws -> SaveResult {
        var save = SaveInProgress(repository: self, writer: writer, request: request)
        return try await save.run()
    }
}
