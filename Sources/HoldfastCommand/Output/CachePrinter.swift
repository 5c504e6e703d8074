import ArgumentParser
import Basics
import FileIO
import Holdfast

/// Prints what `save` and `restore` did. Trouble is a warning, unless the user wants it to be an error.
struct CachePrinter {
    let session: Session
    let kind: StoreKind

    private var console: Console { session.console }

    /// - Throws: `ExitCode` if there was trouble and the settings are strict; `CancellationError`.
    func show(_ result: RestoreResult) throws {
        try end("restore", result.sync, RestoreReport(result: result), notices: result.notices) {
            summary(result)
        }
    }

    func show(_ result: WriteThroughResult) throws {
        try end("save", result.sync, SaveReport(result: result), notices: result.notices) { summary(result) }
    }

    private func end(
        _ name: String, _ result: SyncResult, _ report: some Encodable, notices: [String], _ summary: () -> String
    ) throws {
        // An interrupted command says so by its exit code.
        if result.error?.code == .cancelled { throw CancellationError() }
        console.report(report)
        let (error, isStrict) = (result.error, session.settings.isStrict)
        for warning in result.warnings where !(isStrict && error.map { warning.hasSuffix($0.message) } == true) {
            console.note(warning)
        }
        for problem in result.problems { console.note("left out: \(problem.path): \(problem.reason)") }
        for problem in result.mirrorProblems {
            console.note("not in the mirror view: \(problem.path): \(problem.reason)")
        }
        for conflict in result.conflicts { console.note(conflict) }
        if let kept = result.replacedKeptAt { console.note("the files that were replaced here are kept in \(kept)") }
        for notice in notices { console.note(notice, isWarning: false) }
        console.say(summary())
        guard let error else { return }
        guard !isStrict else {
            console.fail(name, error)
            throw ExitCode(Exit.failed)
        }
        if !result.warnings.contains(where: { $0.hasSuffix(error.message) }) { console.note(error.message) }
        if let hint = error.hint { console.note("hint: \(hint)", isWarning: false) }
    }

    private func summary(_ result: RestoreResult) -> String {
        guard let key = result.key, result.hit else {
            switch result.reason {
            case nil, .absent?: return "Nothing at \(place): starting fresh."
            case let reason?: return "Starting cold (\(reason.rawValue)): nothing of \(place) is here."
            }
        }
        let memory = "\(Figures.count(result.sync.objectCount, "file")), \(Figures.bytes(result.sync.totalBytes))"
        let snapshot = result.sync.snapshot.map { " in snapshot \($0.prefix(12))" } ?? ""
        let source = result.source == .cache ? "the Actions cache, entry '\(printable(key.utf8))'" : session.address
        let moved = "\(result.sync.transferredObjects) restored"
        return "\(source): \(memory)\(snapshot)\n\(moved) (\(cost(result.sync)))"
    }

    private func summary(_ result: WriteThroughResult) -> String {
        guard !result.isEmpty else {
            return "Nothing to save: \(session.settings.storage) is empty or does not exist."
        }
        var memory = "Nothing was saved"
        if let snapshot = result.sync.snapshot {
            memory = "\(Figures.count(result.sync.objectCount, "file")), \(Figures.bytes(result.sync.totalBytes))"
            memory += " in snapshot \(snapshot.prefix(12))"
        }
        let entry = result.cacheKey.map { ", entry '\(printable($0.utf8))'" } ?? ""
        let size = result.cacheBytes.map { ", \(Figures.bytes($0))" } ?? ""
        return """
            \(memory) (\(cost(result.sync)))
            store: \(result.store.rawValue)\(kind == .cacheOnly ? "" : ", \(session.address)")
            cache: \(result.cache.rawValue)\(entry)\(size)
            """
    }

    private var place: String { kind == .cacheOnly ? "the Actions cache" : session.address }

    private func cost(_ result: SyncResult) -> String {
        "\(Figures.count(result.requests, "request")), \(Figures.seconds(result.durationSeconds))"
    }
}
