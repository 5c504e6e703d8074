import AgentFiles
import FileIO
import Logging
import Repository

/// The files of a snapshot, sorted into those that may be written here and those that must not.
struct RestorableFiles: Sendable {
    let allowed: [Entry]
    /// Names that must not be written.
    private let refused: [SafePaths.Refusal]
    /// Files that no store should have, such as credentials.
    private let neverStored: [(path: RelativePath, rule: Exclusions.Rule)]

    /// - Parameter existing: files that stay here.
    init(_ entries: [Entry], existing: [RelativePath]) {
        refused = SafePaths.check(entries.map(\.path), existing: existing).refused
        let names = Set(refused.map(\.path))
        neverStored = entries.compactMap { entry in
            if !names.isEmpty, names.contains(entry.path.bytes) { return nil }
            return Exclusions.neverStoredRule(entry.path).map { (entry.path, $0) }
        }
        // Mostly all are allowed, and need not be copied.
        let excluded = Set(neverStored.map(\.path))
        let isWhole = names.isEmpty && excluded.isEmpty
        allowed = isWhole ? entries : entries.filter { !names.contains($0.path.bytes) && !excluded.contains($0.path) }
    }

    /// Names what is left out.
    func describe(to result: inout SyncResult, _ logger: Logger) {
        result.problems += refused.map {
            SyncResult.Problem(path: printable($0.path), reason: $0.reason.description)
        }
        result.skipped.excluded += neverStored.count
        for (path, rule) in neverStored {
            logger.warning(
                "The store holds a file that is never restored", metadata: ["path": "\(path)", "rule": "\(rule)"])
        }
    }
}
