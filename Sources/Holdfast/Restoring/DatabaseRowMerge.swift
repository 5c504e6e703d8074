import AgentDatabase
import Basics
import FileIO
import Repository

extension Workspace {
    /// Writes the rows of a snapshot's database and of the one here into a new image, for the agent of this machine: its
    /// schema stays, unless the snapshot's only adds to it.
    /// - Parameters:
    ///   - keepsLosers: the database here stays beside if a row of it is not in the image.
    ///   - censuses: takes the sessions of the snapshot's database.
    /// - Returns: whether a row of the database here is not in the image, or not as it was.
    /// - Throws: ``SyncError`` if no schema can hold the rows of both.
    func write(
        union theirs: Entry, _ base: Entry?, _ present: DatabaseFile, keepsLosers: Bool, to file: File,
        _ censuses: KnownCensuses, _ result: inout SyncResult
    ) async throws -> Bool {
        let union = try await FileIO.run { try DatabaseUnion() }
        let ours = try await image(of: present)
        try await FileIO.run {
            try ours.check()
            try union.copy(ours, as: .ours)
        }
        try await censuses.fetched(theirs, in: fill(union, .theirs, theirs))
        if let base { try await fill(union, .base, base) }
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
            let sentences = report.sentences { side in
                side == .theirs ? "in the snapshot" : keepsLosers ? "in the database that is kept beside" : nil
            }
            result.warnings += sentences.map { "\(theirs.path): \($0)" }
            try await FileIO.run { try image.copy(to: file) }
            return report.isMissing(from: .ours)
        }
    }
}
