import ObjectStore
import Repository

/// Makes an older snapshot the newest again: as a new snapshot with the old content, so that nothing is erased.
public struct Rollback: Sendable {
    let repository: Repository
    /// Who saves, for people.
    let writer: String
    let run: Commit.Run?

    public init(_ repository: Repository, writer: String, run: Commit.Run? = nil) {
        self.repository = repository
        self.writer = writer
        self.run = run
    }

    public enum Outcome: Sendable {
        /// The newest snapshot has this content already.
        case nothingToDo(Snapshot)
        /// Others may have saved at the same time; then their changes are merged with the old content.
        case done(SaveResult)
    }

    /// - Parameter snapshot: what to go back to.
    /// - Throws: ``RepositoryError`` of kind `damaged` if the snapshot misses a pack: the newest must be whole; of kind
    ///   `noSuchSnapshot` if it was pruned meanwhile. Else as ``Repository/save(_:_:)``.
    public func run(to snapshot: Snapshot) async throws -> Outcome {
        let newest = try await newestAlone()
        // What it needs is safe for as long as a save may take only if it is still there when the save begins.
        guard try await repository.holds(snapshot) else {
            throw RepositoryError(
                .noSuchSnapshot, "snapshot \(snapshot.shortID) was pruned",
                hint: "holdfast log shows those that are there.")
        }
        let old = try await repository.manifest(of: snapshot)
        if let missing = try await repository.missingPacks(of: old).first {
            throw RepositoryError(
                .damaged, key: missing,
                "snapshot \(snapshot.shortID) cannot be restored: '\(missing)' is missing or cut",
                hint: "holdfast verify says which snapshots are whole.")
        }
        guard let tip = newest.tip, let manifest = newest.manifest else {
            throw RepositoryError(.noSuchSnapshot, "'\(repository.memory)' has no snapshot that can be read")
        }
        let files = manifest.entries.map(\.facts)
        guard !Difference(from: files, to: old.entries.map(\.facts)).isEmpty else { return .nothingToDo(tip) }
        let request = SaveRequest(
            files: old.entries.map { .stored($0) }, base: (tip, files), writer: writer, run: run,
            note: Commit.rollbackNote(to: snapshot))
        return .done(try await repository.save(SnapshotWriter(repository, upon: newest, and: [old]), request))
    }

    /// The newest snapshot. If there are several heads, they are merged first: else the other heads would be merged
    /// into the old content.
    private func newestAlone() async throws -> Newest {
        let newest = try await repository.newest()
        guard newest.heads.snapshots.count > 1, let tip = newest.tip, let manifest = newest.manifest else {
            return newest
        }
        let request = SaveRequest(
            files: manifest.entries.map { .stored($0) }, base: (tip, manifest.entries.map(\.facts)), writer: writer,
            run: run, note: "merge")
        _ = try await repository.save(SnapshotWriter(repository, upon: newest), request)
        return try await repository.newest()
    }
}

extension Rollback {
    /// Makes an older snapshot the newest again; the mirror view follows. The storage directory stays as it is.
    /// - Returns: what came of it, and what a person should know of the mirror view.
    static func run(
        to snapshot: Snapshot, in workspace: Workspace, writer: String, run: Commit.Run?, keepsMirror: Bool
    ) async throws -> (outcome: Outcome, warnings: [String]) {
        let repository = workspace.repository
        let outcome = try await Rollback(repository, writer: writer, run: run).run(to: snapshot)
        guard case .done(let saved) = outcome, keepsMirror else { return (outcome, []) }
        var result = SyncResult(success: true)
        _ = try await workspace.updateMirror(saved, upon: try await repository.newest(heads: Heads()), &result)
        return (outcome, result.warnings)
    }
}
