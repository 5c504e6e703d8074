import Basics
import Holdfast

/// What the summaries of both phases say in the same words.
enum SummaryWords {
    static func content(_ sync: SyncResult) -> String {
        "\(Figures.count(sync.objectCount, "file")), \(Figures.bytes(sync.totalBytes))"
    }

    static func transfer(_ sync: SyncResult) -> String {
        "\(Figures.count(sync.transferredObjects, "file")), \(Figures.bytes(sync.transferredBytes)) in "
            + Figures.count(sync.requests, "request") + " to the store"
    }

    static func duration(_ sync: SyncResult) -> String { "\((sync.durationSeconds * 1000).rounded() / 1000)" }

    static func snapshot(_ id: String) -> String { String(id.prefix(12)) }

    /// - Parameter time: of a snapshot, as its commit says it.
    static func age(_ time: String?) -> String {
        guard let time else { return "none" }
        let ago = Times.age(time).map { ", \(Figures.ago($0))" } ?? ""
        return Times.seconds(time) + ago
    }

    /// All that a transfer has to say, a line each.
    static func warnings(_ sync: SyncResult) -> [String] {
        // What ended it is told on its own.
        let error = sync.error?.message
        var found = sync.warnings.filter { warning in error.map { !warning.hasSuffix($0) } ?? true }
        found += sync.problems.map { "left out: \($0.path): \($0.reason)" }
        found += sync.mirrorProblems.map { "not in the mirror view: \($0.path): \($0.reason)" }
        found += sync.conflicts
        if let kept = sync.replacedKeptAt { found.append("the files that were replaced here are kept in \(kept)") }
        return found
    }
}
