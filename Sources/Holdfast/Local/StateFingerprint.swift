import AgentDatabase
import AgentFiles
import FileIO

/// What the system says of all files of a state, summed up: two that are equal are the same state, but for a change within
/// one tick of the clock. It holds for one process only.
public struct StateFingerprint: Sendable, Equatable {
    private let hash: Int
    /// Files of the storage directory.
    public let files: Int
    public let bytes: Int64
    /// Of the main files of all databases.
    public let databaseBytes: Int64
    /// Of their write-ahead logs.
    public let walBytes: Int64
    /// Nothing changed so shortly before that a further change might not show.
    public let isSettled: Bool

    init(_ scan: StorageScan, _ databases: [DatabaseFile], takenAt: Int64) {
        var hasher = Hasher()
        var newest: Int64 = 0
        for file in scan.files {
            hasher.combine(file.path)
            hasher.combine(file.status.size)
            hasher.combine(file.status.modified)
            hasher.combine(file.status.changed)
            hasher.combine(file.status.inode)
            newest = max(newest, file.status.changed)
        }
        for database in databases {
            hasher.combine(database.name)
            hasher.combine(database.fingerprint)
            newest = max(newest, database.changed)
        }
        hash = hasher.finalize()
        files = scan.files.count
        bytes = scan.totalBytes
        databaseBytes = databases.reduce(0) { $0 + ($1.main?.size ?? 0) }
        walBytes = databases.reduce(0) { $0 + ($1.log?.size ?? 0) }
        isSettled = scan.failures.isEmpty && newest < takenAt - 2_000_000_000
    }
}

extension Workspace {
    /// Looks at all files without reading any.
    /// - Throws: ``FileError`` if the storage directory cannot be read, `CancellationError`.
    func fingerprint() async throws -> StateFingerprint {
        let takenAt = environment.now()
        let scan = try await StorageScan.scan(storage, exclusions: exclusions)
        return StateFingerprint(scan, try await databases().databases, takenAt: takenAt)
    }
}
