import Logging
import Repository

/// Outcome of the last restore in a workflow run, for the save behind it.
struct RestoreRecord: Codable, Sendable {
    let run: Commit.Run
    let outcome: Commit.Run.Restore
    /// Where the state lies that was restored; `nil` if not all of it was, or that is not known.
    var place: PlaceIdentity?

    /// Whether the restore belongs to a run: another attempt is another run.
    func belongs(to other: Commit.Run) -> Bool { run.id == other.id && run.attempt == other.attempt }
}

extension Workspace {
    /// Notes the outcome of a restore. Losing it costs a word in the history.
    func note(_ record: RestoreRecord) async {
        do { try await localState.write(record) } catch {
            logger.debug("Could not note the restore", metadata: ["error": "\(error)"])
        }
    }

    /// Where the state of a workflow run was restored, if all of it was.
    func restoredPlace(in run: Commit.Run?) async -> PlaceIdentity? {
        guard let run, let record = await localState.restoreRecord(), record.belongs(to: run) else { return nil }
        return record.place
    }

    /// The workflow run of a save, with the outcome of the restore before it.
    func withRestore(_ run: Commit.Run?) async -> Commit.Run? {
        guard var run else { return nil }
        if let record = await localState.restoreRecord(), record.belongs(to: run) { run.restore = record.outcome }
        return run
    }
}
