import AgentDatabase
import AgentFiles
import Basics
import FileIO
import Repository

/// How a storage directory stands to the newest snapshot.
public struct MemoryStatus: Sendable {
    public let newest: Newest
    /// The snapshot that this machine was synchronised with last, as far as it remembers.
    public let synchronised: Snapshot?
    /// Whether the store has something that came after ``synchronised``; `nil` if that is not known.
    public let isNewerInStore: Bool?
    /// The files that are here.
    public let scan: StorageScan
    /// Databases that cannot be read, each with the reason.
    public let unreadable: [SyncResult.Problem]
    /// Names databases that are here and left out.
    public let leftOutNotice: String?
    /// From the newest snapshot to what is here. Without a snapshot, everything is added.
    public let difference: Difference
}

/// Compares the storage directory with the newest snapshot; changes nothing.
struct Status: Sendable {
    let workspace: Workspace

    /// Files that the exclusions leave out here are left out there as well. Only files that may be the same and that the
    /// index does not know are read.
    /// - Throws: ``StoreError``, ``RepositoryError``, ``FileError``, `CancellationError`.
    func run() async throws -> MemoryStatus {
        let exclusions = workspace.exclusions
        let base = await workspace.localState.read()
        let newest = try await workspace.newest(
            nil, base, checking: .otherHeads, unusable: try await workspace.stillDamagedPacks())
        let scan = try await StorageScan.scan(workspace.storage, exclusions: exclusions)
        let entries = (newest.manifest?.entries ?? []).filter {
            exclusions.rule(for: $0.path) == nil && !workspace.leavesOut(database: $0.path)
        }
        let sizes = Dictionary(entries.map { ($0.path, $0.size) }) { first, _ in first }
        let digests = try await LocalDigests(
            storage: workspace.storage, known: base?.files, logs: scan.logs,
            keepsSecrets: workspace.databaseOptions.keepsSecrets
        ).digests(
            of: scan.files, sizes: sizes)
        let local = scan.files.map { file in
            FileFacts(
                path: file.path, modified: file.status.modified, size: file.status.size,
                // No content has it: a file that did not need to be read differs from the stored one.
                digest: digests[file.path] ?? .zero)
        }
        let found = try await workspace.databases()
        var unreadable = Dictionary(scan.failures.map { ($0.path, "\($0.cause)") }) { first, _ in first }
        for problem in found.problems {
            if let path = DatabaseEntries.path(of: problem.name) { unreadable[path] = problem.cause.words }
        }
        var problems = found.problems.map { SyncResult.Problem(path: printable($0.path.utf8), $0.cause.failure) }
        var databases: [FileFacts] = []
        let stored = Dictionary(entries.map { ($0.path, $0.digest) }) { first, _ in first }
        for database in found.databases {
            guard let path = DatabaseEntries.path(of: database.name) else { continue }
            do {
                databases.append(try await facts(of: database, at: path, base, stored[path]))
            } catch {
                if error is CancellationError || Task.isCancelled { throw error }
                problems.append(SyncResult.Problem(path: printable(database.path.utf8), Failure(error)))
                unreadable[path] = (error as? UnreadableDatabase)?.words ?? SyncError(error).message
            }
        }
        var isNewer: Bool?
        if let base, let tip = newest.tip {
            isNewer = tip.id != base.snapshot.id
            if case .newer = try await workspace.repository.lineage(of: base.snapshot, to: newest.heads) {
                isNewer = false
            }
        }
        var difference = Difference(
            from: entries.map(\.facts), to: (local + databases).sorted { $0.path < $1.path })
        difference.setAside(unreadable)
        difference.tellRemoved { base?.index.entry($0) != nil }
        return MemoryStatus(
            newest: newest, synchronised: base?.snapshot, isNewerInStore: isNewer, scan: scan,
            unreadable: problems, leftOutNotice: found.leftOutNotice, difference: difference)
    }

    /// A database that was not written to since it was synchronised is what it was then. Of any other an image is made, as a
    /// push would, since SQLite touches a database without changing it.
    /// - Parameter stored: what the newest snapshot has, which is whole.
    private func facts(
        of database: DatabaseFile, at path: RelativePath, _ base: LocalState.Base?, _ stored: Digest?
    ) async throws -> FileFacts {
        if let known = base?.files.known(database) {
            return FileFacts(path: path, modified: database.modified, size: known.size, digest: known.sha256)
        }
        let image = try await workspace.image(of: database)
        let digest = try await FileIO.run {
            let digest = try Digest(of: image.file)
            if digest != stored { do { try image.check() } catch { throw database.explain(error) } }
            return digest
        }
        return FileFacts(path: path, modified: database.modified, size: image.size, digest: digest)
    }
}
