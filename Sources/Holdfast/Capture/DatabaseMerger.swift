import AgentDatabase
import FileIO
import Logging
import NIOConcurrencyHelpers
import Repository

/// Merges versions of a database that changed on both sides, row by row, while they are saved.
struct DatabaseMerger: Sendable {
    let workspace: Workspace
    let writer: SnapshotWriter
    /// Images that are saved in place of the databases here.
    var images: [RelativePath: DatabaseImage] = [:]
    let censuses: KnownCensuses

    /// - Parameters:
    ///   - databases: as they are here.
    ///   - warnings: takes what a person should know.
    /// - Returns: merges one file of a save; `nil` where it is no database, or one that cannot be merged.
    func merge(
        _ databases: [DatabaseFile], _ warnings: NIOLockedValueBox<[String]>
    ) -> @Sendable (FileMerge) async throws -> NewFile? {
        { merge in
            guard DatabaseEntries.contains(merge.path) else { return nil }
            let union = try await FileIO.run { try DatabaseUnion() }
            switch merge.ours {
            case .stored(let entry): try await workspace.fill(union, .ours, entry)
            case .captured:
                guard let database = databases.first(where: { DatabaseEntries.path(of: $0.name) == merge.path }) else {
                    return nil
                }
                if let image = images[merge.path] {
                    try await FileIO.run { try union.copy(image, as: .ours) }
                } else {
                    let image = try await workspace.image(of: database)
                    try await FileIO.run {
                        try image.check()
                        try union.copy(image, as: .ours)
                    }
                }
            }
            try await censuses.fetched(merge.theirs, in: workspace.fill(union, .theirs, merge.theirs))
            if let base = merge.base { try await workspace.fill(union, .base, base) }
            let outcome = try await FileIO.run { cancellation in
                try union.run(hasBase: merge.base != nil, cancellation)
            }
            let image: DatabaseImage
            switch outcome {
            case .noTarget(let reasons):
                warnings.withLockedValue { $0 += reasons.map { "\(merge.path): \($0)" } }
                return nil
            case .merged(let merged, let report):
                image = merged
                warnings.withLockedValue { $0 += report.sentences { _ in nil }.map { "\(merge.path): \($0)" } }
            }
            workspace.logger.info("Rows of both sides were merged", metadata: ["database": "\(merge.path)"])
            try await workspace.loadChunks(of: merge.path, into: writer)
            let (digest, chunks) = try await DatabaseCapture(workspace: workspace, writer: writer).store(image)
            censuses.note(try await censuses.made(image), of: digest)
            return NewFile(
                path: merge.path, mode: 0o600, modified: max(merge.ours.facts.modified, merge.theirs.modified),
                digest: digest, chunks: chunks)
        }
    }
}
