import AgentDatabase
import Basics
import FileIO
import Repository

extension Workspace {
    /// Writes the rows of a snapshot's database and of the one here into a new image, for the agent of this machine: its
    /// schema stays, unless the snapshot's only adds to it.
    /// - Parameter censuses: takes the sessions of the snapshot's database.
    /// - Returns: which rows lost, or have no place in the image.
    /// - Throws: ``SyncError`` if no schema can hold the rows of both.
    func write(
        union theirs: Entry, _ base: Entry?, _ present: DatabaseFile, to file: File, _ censuses: KnownCensuses
    ) async throws -> MergeReport {
        let union = try await FileIO.run { try DatabaseUnion() }
        let ours = try await image(of: present)
        try await FileIO.run {
            try ours.check()
            try union.copy(ours, as: .ours)
        }
        let fetched = try await fill(union, .theirs, theirs, reusing: [ours.file])
        try await censuses.fetched(theirs, in: fetched)
        if let base { try await fill(union, .base, base, reusing: [ours.file, fetched]) }
        let outcome = try await FileIO.run { cancellation in
            try union.run(hasBase: base != nil, keepingSchema: true, cancellation)
        }
        switch outcome {
        case .noTarget(let reasons):
            throw SyncError(
                code: .changedOnBothSides,
                message:
                    "the database '\(theirs.path)' has one schema here and another in the store "
                    + "(\(reasons.joined(separator: "; "))); nothing was touched",
                hint: "Use --force to take the store's; the one here is kept beside it.")
        case .merged(let image, let report):
            try await FileIO.run { try image.copy(to: file) }
            return report
        }
    }
}
