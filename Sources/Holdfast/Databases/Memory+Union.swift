import AgentDatabase
import Basics
import FileIO
import Logging
import NIOConcurrencyHelpers
import Repository

extension Memory {
    /// How versions of a database that changed on both sides are brought together in a save.
    /// - Parameters:
    ///   - databases: as they are here.
    ///   - warnings: takes what a person should know.
    func databaseMerger(
        _ databases: [DatabaseFile], _ writer: SnapshotWriter, _ warnings: NIOLockedValueBox<[String]>
    ) -> @Sendable (FileMerge) async throws -> NewFile? {
        { merge in
            guard DatabaseEntries.contains(merge.path) else { return nil }
            let union = try await FileIO.run { try DatabaseUnion() }
            switch merge.ours {
            case .stored(let entry): try await fill(union, .ours, entry)
            case .captured:
                guard let database = databases.first(where: { DatabaseEntries.path(of: $0.name) == merge.path }) else {
                    return nil
                }
                let image = try await image(of: database)
                try await FileIO.run {
                    try image.check()
                    try union.copy(image, as: .ours)
                }
            }
            try await fill(union, .theirs, merge.theirs)
            if let base = merge.base { try await fill(union, .base, base) }
            let outcome = try await FileIO.run { cancellation in
                try union.run(hasBase: merge.base != nil, oursIsNewer: merge.oursIsNewer, cancellation)
            }
            warnings.withLockedValue { $0 += outcome.warnings.map { "\(merge.path): \($0)" } }
            guard let image = outcome.image else { return nil }
            logger.info("Rows of both sides were merged", metadata: ["database": "\(merge.path)"])
            try await loadChunks(of: merge.path, into: writer)
            let (digest, chunks) = try await DatabaseCapture(memory: self, writer: writer).store(image)
            return NewFile(
                path: merge.path, mode: 0o600, modified: max(merge.ours.facts.modified, merge.theirs.modified),
                digest: digest, chunks: chunks)
        }
    }

    /// Writes the rows of a snapshot's database and of the one here into a new image.
    /// - Throws: ``SyncError`` if they have different schemas.
    func write(
        union theirs: Entry, _ base: Entry?, _ present: DatabaseFile, to file: File, _ result: inout SyncResult
    ) async throws {
        let union = try await FileIO.run { try DatabaseUnion() }
        let ours = try await image(of: present)
        try await FileIO.run {
            try ours.check()
            try union.copy(ours, as: .ours)
        }
        try await fill(union, .theirs, theirs)
        if let base { try await fill(union, .base, base) }
        let oursIsNewer = present.modified > theirs.modified
        let outcome = try await FileIO.run { cancellation in
            try union.run(hasBase: base != nil, oursIsNewer: oursIsNewer, cancellation)
        }
        result.warnings += outcome.warnings.map { "\(theirs.path): \($0)" }
        guard let image = outcome.image else {
            throw SyncError(
                code: .changedOnBothSides,
                message:
                    "the database '\(theirs.path)' has one schema here and another in the store; nothing was touched",
                hint: "Use --force to take the store's; the one here is kept beside it.")
        }
        try await FileIO.run { try image.copy(to: file) }
    }

    func fill(_ union: DatabaseUnion, _ version: DatabaseUnion.Version, _ entry: Entry) async throws {
        let file = try await FileIO.run { try union.file(for: version) }
        try await write(entry, to: file)
    }
}
