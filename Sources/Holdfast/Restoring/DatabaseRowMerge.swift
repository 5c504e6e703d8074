import AgentDatabase
import Basics
import FileIO
import Repository

extension Workspace {
    /// Writes the rows of a snapshot's database and of the one here into a new image.
    /// - Returns: which rows lost.
    /// - Throws: ``SyncError`` if they have no common target schema.
    func write(
        union theirs: Entry, _ base: Entry?, _ present: DatabaseFile, to file: File, _ result: inout SyncResult
    ) async throws -> MergeReport {
        let union = try await FileIO.run { try DatabaseUnion() }
        let ours = try await image(of: present)
        try await FileIO.run {
            try ours.check()
            try union.copy(ours, as: .ours)
        }
        let fetched = try await fill(union, .theirs, theirs, reusing: [ours.file])
        if let base { try await fill(union, .base, base, reusing: [ours.file, fetched]) }
        let oursIsNewer = present.modified > theirs.modified
        let outcome = try await FileIO.run { cancellation in
            try union.run(hasBase: base != nil, oursIsNewer: oursIsNewer, cancellation)
        }
        guard case .merged(let image, let report) = outcome else {
            throw SyncError(
                code: .changedOnBothSides,
                message:
                    "the database '\(theirs.path)' has one schema here and another in the store; nothing was touched",
                hint: "Use --force to take the store's; the one here is kept beside it.")
        }
        try await FileIO.run { try image.copy(to: file) }
        return report
    }
}
