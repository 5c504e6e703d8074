import AgentDatabase
import Repository

extension Memory {
    /// Brings the newest state here, from the Actions cache and the store: RFC-019's `restoreCache`.
    ///
    /// What this machine has stays; where both sides changed a file, the newer one wins and databases are merged. A state that
    /// RFC-002 calls corrupt, or of another version, is put aside, and the agent starts clean. Nothing is thrown.
    public func restore(_ request: RestoreRequest) async -> RestoreResult {
        var work = RestoreInProgress(memory: self, request: request)
        let result = await work.run()
        if let run = options.run {
            let outcome = Commit.Run.Restore(status: result.status.rawValue, reason: result.reason?.rawValue)
            var record = RestoreRecord(run: run, outcome: outcome)
            let isComplete = result.hit && result.sync.error == nil && result.sync.heldBack == nil
            if isComplete, let found = try? await workspace.databases() {
                record.place = await workspace.place(found.databases)
            }
            await workspace.note(record)
        }
        return result
    }
}
