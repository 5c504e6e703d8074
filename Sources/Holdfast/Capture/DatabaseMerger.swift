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
    let images: [RelativePath: DatabaseImage]
    let censuses: KnownCensuses
    private let reports = NIOLockedValueBox<[Report]>([])

    init(
        workspace: Workspace, writer: SnapshotWriter, images: [RelativePath: DatabaseImage] = [:],
        censuses: KnownCensuses
    ) {
        (self.workspace, self.writer) = (workspace, writer)
        (self.images, self.censuses) = (images, censuses)
    }

    /// What happened to the rows of one database.
    private struct Report: Sendable {
        let path: RelativePath
        let report: MergeReport
        /// Snapshots that have our version; none for the state that is being saved.
        let ours: [Snapshot]
        let theirs: [Snapshot]
    }

    /// What a person should know of the merges, each once.
    /// - Parameter own: the snapshot that has the state that was saved.
    func remarks(own: Snapshot?) -> (conflicts: [String], warnings: [String]) {
        func place(_ snapshots: [Snapshot]) -> String? {
            guard !snapshots.isEmpty else { return nil }
            return "in snapshot \(snapshots.map(\.shortID).joined(separator: " or "))"
        }
        var (conflicts, warnings): ([String], [String]) = ([], [])
        for item in reports.withLockedValue({ $0 }) {
            let ours = item.ours.isEmpty ? [own].compactMap(\.self) : item.ours
            let sentences = item.report.sentences { $0 == .ours ? place(ours) : place(item.theirs) }
            for sentence in sentences.map({ "\(item.path): \($0)" }) {
                let isConflict = !item.report.lost.isEmpty || !item.report.leftOut.isEmpty
                let isNew = !conflicts.contains(sentence) && !warnings.contains(sentence)
                if isNew { if isConflict { conflicts.append(sentence) } else { warnings.append(sentence) } }
            }
        }
        return (conflicts, warnings)
    }

    /// - Parameter databases: as they are here.
    /// - Returns: merges one file of a save; `nil` where it is no database. It throws ``UnmergeableFile`` for databases
    ///   without a common target schema.
    func merge(_ databases: [DatabaseFile]) -> @Sendable (FileMerge) async throws -> NewFile? {
        { merge in
            guard DatabaseEntries.contains(merge.path) else { return nil }
            let union = try await FileIO.run { try DatabaseUnion() }
            // Chunks that one version has are not fetched for another.
            var versions: [File] = []
            switch merge.ours {
            case .stored(let entry): versions = [try await workspace.fill(union, .ours, entry)]
            case .captured:
                guard let database = databases.first(where: { DatabaseEntries.path(of: $0.name) == merge.path }) else {
                    return nil
                }
                let image = if let kept = images[merge.path] { kept } else { try await workspace.image(of: database) }
                try await FileIO.run {
                    try image.check()
                    try union.copy(image, as: .ours)
                }
                versions = [image.file]
            }
            let theirs = try await workspace.fill(union, .theirs, merge.theirs, reusing: versions)
            versions.append(theirs)
            try await censuses.fetched(merge.theirs, in: theirs)
            if let base = merge.base { try await workspace.fill(union, .base, base, reusing: versions) }
            let outcome = try await FileIO.run { cancellation in
                try union.run(hasBase: merge.base != nil, cancellation)
            }
            let image: DatabaseImage
            switch outcome {
            case .noTarget(let reasons): throw UnmergeableFile(path: merge.path, reasons: reasons)
            case .merged(let merged, let report):
                image = merged
                let item = Report(path: merge.path, report: report, ours: merge.oursIn, theirs: merge.theirsIn)
                reports.withLockedValue { $0.append(item) }
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
