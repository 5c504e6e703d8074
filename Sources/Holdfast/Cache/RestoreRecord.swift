import Logging
import Repository

/// What came of the last restore in a workflow run, for the save behind it.
struct RestoreRecord: Codable, Sendable {
    let run: Commit.Run
    let outcome: Commit.Run.Restore

    /// Whether the restore belongs to a run: another attempt is another run.
    func belongs(to other: Commit.Run) -> Bool { run.id == other.id && run.attempt == other.attempt }
}

extension Memory {
    /// Notes what came of a restore, if it is part of a workflow run. To forget it costs a person a word in the history.
    func note(_ result: RestoreResult) async {
        guard let run = options.run else { return }
        let outcome = Commit.Run.Restore(status: result.status.rawValue, reason: result.reason?.rawValue)
        do { try await localState.write(RestoreRecord(run: run, outcome: outcome)) } catch {
            logger.debug("Could not note the restore", metadata: ["error": "\(error)"])
        }
    }

    /// The workflow run of a save, with what came of the restore before it.
    func runSinceRestore() async -> Commit.Run? {
        guard var run = options.run else { return nil }
        if let record = await localState.restoreRecord(), record.belongs(to: run) { run.restore = record.outcome }
        return run
    }
}
