import ArgumentParser
import Holdfast

/// Prints what a transfer did, and ends the command with the right code.
struct TransferPrinter {
    let session: Session
    let name: String
    /// What happened to a file that crossed the wire.
    let verb: String

    /// - Throws: `ExitCode` if the transfer did not succeed.
    func show(_ result: SyncResult) throws {
        let console = session.console
        // An interrupted command says so by its exit code.
        if result.error?.code == "cancelled" { throw CancellationError() }
        console.report(TransferReport(result: result))
        for problem in result.problems { console.note("left out: \(problem.path): \(problem.reason)") }
        for path in result.conflicts { console.note("changed here and in the store: \(path)") }
        if result.error == nil || result.error?.code == "incomplete" { console.say(summary(result)) }
        if let kept = result.replacedKeptAt { console.note("replaced files that had changed here are kept in \(kept)") }
        guard let error = result.error else { return }
        console.fail(name, error)
        throw ExitCode(Exit.code(error))
    }

    private func summary(_ result: SyncResult) -> String {
        guard result.objectCount > 0 else { return emptySummary + skipped(result) }
        let unchanged = result.objectCount - result.transferredObjects
        let memory = "\(Words.count(result.objectCount, "file")), \(Words.bytes(result.totalBytes))"
        let moved = "\(result.transferredObjects) \(verb), \(unchanged) unchanged"
        let cost = "\(Words.count(result.requests, "request")), \(Words.seconds(result.durationSeconds))"
        return "\(session.address): \(memory)\n\(moved) (\(cost))" + skipped(result)
    }

    private var emptySummary: String {
        name == "pull"
            ? "Nothing at \(session.address): starting fresh."
            : "Nothing to upload: \(session.settings.storage) is empty or does not exist."
    }

    private func skipped(_ result: SyncResult) -> String {
        let parts = [
            (result.skipped.excluded, "excluded"), (result.skipped.links, "symbolic link"),
            (result.skipped.specialFiles, "special file"),
        ].filter { $0.0 > 0 }.map { $0.1 == "excluded" ? "\($0.0) excluded" : Words.count($0.0, $0.1) }
        return parts.isEmpty ? "" : "\nskipped: " + parts.joined(separator: ", ")
    }
}
