import AgentDatabase
import Basics
import FileIO
import Repository

extension Workspace {
    /// Writes the rows of a snapshot's database and of the one here into a new image.
    /// - Parameter storeWins: of two versions of a row that no time in it decides about, that of the store stays.
    /// - Throws: ``SyncError`` if they have different schemas.
    func write(
        union theirs: Entry, _ base: Entry?, _ present: DatabaseFile, storeWins: Bool = false, to file: File,
        _ censuses: KnownCensuses, _ result: inout SyncResult
    ) async throws {
        let union = try await FileIO.run { try DatabaseUnion() }
        let ours = try await image(of: present)
        try await FileIO.run {
            try ours.check()
            try union.copy(ours, as: .ours)
        }
        try await censuses.fetched(theirs, in: fill(union, .theirs, theirs))
        if let base { try await fill(union, .base, base) }
        let oursIsNewer = !storeWins && present.modified > theirs.modified
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
        result.warnings += report.sentences { _ in nil }.map { "\(theirs.path): \($0)" }
        try await FileIO.run { try image.copy(to: file) }
    }
}
