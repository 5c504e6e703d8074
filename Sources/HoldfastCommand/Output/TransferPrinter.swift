import ArgumentParser
import Basics
import Holdfast

/// Prints what a transfer did, and ends the command with the right code.
struct TransferPrinter {
    let session: Session
    let name: String
    /// What happened to a file that crossed the wire.
    let verb: String

    /// - Throws: `ExitCode` if the transfer did not succeed.
    func show(_ result: SyncResult) throws {
        var result = result
        if result.error == nil, let apart = result.apart { (result.success, result.error) = (false, apart) }
        let console = session.console
        // An interrupted command says so by its exit code.
        if result.error?.code == .cancelled { throw CancellationError() }
        console.report(TransferReport(result: result))
        for warning in result.warnings { console.note(warning) }
        for problem in result.mirrorProblems {
            console.note("not in the mirror view: \(problem.path): \(problem.reason)")
        }
        let isStopped = result.error != nil && result.apart == nil
        if !isStopped { for conflict in result.conflicts { console.note(conflict) } }
        if let kept = result.replacedKeptAt { console.note("the files that were replaced here are kept in \(kept)") }
        guard let error = result.error else {
            console.say(summary(result))
            if console.isJSON, isFresh(result) { console.note(summary(result), isWarning: false) }
            return
        }
        let conflicts = isStopped ? result.conflicts.map { "\($0): changed here and in the store" } : []
        console.fail(name, error, details: result.problems.map { "\($0.path): \($0.reason)" } + conflicts)
        if error.code == .incomplete || result.apart != nil { console.note(summary(result), isWarning: false) }
        throw ExitCode(Exit.code(error))
    }

    private func isFresh(_ result: SyncResult) -> Bool {
        name == "pull" && result.objectCount == 0 && result.removed == 0 && result.problems.isEmpty
            && result.skipped.excluded == 0
    }

    private func summary(_ result: SyncResult) -> String {
        guard result.objectCount > 0 else { return emptySummary(result) + skipped(result) }
        let unchanged = result.objectCount - result.transferredObjects
        let memory = "\(Figures.count(result.objectCount, "file")), \(Figures.bytes(result.totalBytes))"
        let merged = result.merged ? ", merged with what others saved (pull to get it)" : ""
        let removed = result.removed > 0 ? ", \(result.removed) removed" : ""
        let moved = "\(result.transferredObjects) \(verb), \(unchanged) unchanged\(removed)\(merged)"
        let cost = "\(Figures.count(result.requests, "request")), \(Figures.seconds(result.durationSeconds))"
        let snapshot = result.snapshot.map { " in snapshot \($0.prefix(12))" } ?? ""
        return "\(session.address): \(memory)\(snapshot)\n\(moved) (\(cost))" + skipped(result)
    }

    private func emptySummary(_ result: SyncResult) -> String {
        if result.removed > 0 {
            return
                "\(session.address): empty in snapshot \(result.snapshot?.prefix(12) ?? "-")\n\(result.removed) removed"
        }
        guard name != "pull" else {
            return isFresh(result)
                ? "Nothing at \(session.address): starting fresh."
                : "Nothing at \(session.address) that may be restored."
        }
        return result.problems.isEmpty
            ? "Nothing to upload: \(session.settings.storage) is empty or does not exist." : "Nothing was uploaded."
    }

    private func skipped(_ result: SyncResult) -> String {
        let parts = [
            (result.skipped.excluded, "excluded"), (result.skipped.links, "symbolic link"),
            (result.skipped.specialFiles, "special file"),
        ].filter { $0.0 > 0 }.map { $0.1 == "excluded" ? "\($0.0) excluded" : Figures.count($0.0, $0.1) }
        return parts.isEmpty ? "" : "\nskipped: " + parts.joined(separator: ", ")
    }
}
