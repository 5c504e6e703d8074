import AgentFiles
import FileIO
import Logging
import Repository

/// The files of a source, sorted into those that may be written here and those that must not.
struct RestorableFiles: Sendable {
    let allowed: [OfferedFile]
    /// Names that must not be written.
    private var refused: [SafePaths.Refusal]
    private let folderMarkers: Int
    /// Files that no store should have, such as credentials, and what the user excludes: here, they are out of scope.
    private let neverStored: [(path: RelativePath, rule: Exclusions.Rule)]

    /// - Parameters:
    ///   - existing: files that stay here.
    ///   - exclusions: the rules of a restore.
    init(_ source: RestoreSource, existing: [RelativePath], _ exclusions: Exclusions, _ operation: PathOperation) {
        let names = source.names(existing: existing)
        refused = names.refused.filter { !source.isFolderMarker($0) }
        folderMarkers = names.refused.count - refused.count
        let files = source.files(names)
        neverStored = files.compactMap { file in
            guard let rule = exclusions.rule(for: file.path) else { return nil }
            let ruling = TruthTable.ruling(operation, base: .absent, here: .outOfScope, store: .changed)
            return ruling.outcome == .skip ? (file.path, rule) : nil
        }
        // Mostly all are allowed, and need not be copied.
        let excluded = Set(neverStored.map(\.path))
        allowed = excluded.isEmpty ? files : files.filter { !excluded.contains($0.path) }
    }

    /// Names that cannot be written only because a file here is a directory in the source, or the other way round.
    var otherKinds: [[UInt8]] {
        refused.compactMap { refusal in
            switch refusal.reason {
            case .fileInTheWay, .directoryInTheWay: refusal.path
            default: nil
            }
        }
    }

    /// Takes names out that are told in another way.
    mutating func drop(_ paths: Set<[UInt8]>) { refused.removeAll { paths.contains($0.path) } }

    /// Names what is left out.
    func describe(to result: inout SyncResult, _ logger: Logger) {
        result.problems += refused.map {
            SyncResult.Problem(
                path: printable($0.path), reason: $0.reason.description, hint: SafePaths.Refusal.hint)
        }
        result.skipped.folderMarkers += folderMarkers
        result.skipped.excluded += neverStored.count
        for (path, rule) in neverStored {
            if case .excluded = rule { continue }
            logger.warning(
                "The store holds a file that is never restored", metadata: ["path": "\(path)", "rule": "\(rule)"])
        }
    }
}
