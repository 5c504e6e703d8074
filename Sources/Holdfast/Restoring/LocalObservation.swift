import AgentFiles
import Basics
import FileIO

/// The storage directory as a comparison sees it.
struct LocalObservation: Sendable {
    /// In the byte order of their paths.
    let files: [StorageScan.ScannedFile]
    /// Of files whose content matters.
    var digests: [RelativePath: Digest]
    private let statuses: [RelativePath: FileStatus]
    private let failures: [RelativePath: FileError]
    /// Paths of databases whose log or journal is here: an agent may be at work on them, and a file that took the place of one
    /// would be read with the log of the other.
    private let logs: Set<RelativePath>

    init(_ scan: StorageScan, digests: [RelativePath: Digest]) {
        files = scan.files
        self.digests = digests
        statuses = Dictionary(scan.files.map { ($0.path, $0.status) }) { first, _ in first }
        logs = scan.logs
        failures = Dictionary(scan.failures.map { ($0.path, $0.cause) }) { first, _ in first }
    }

    var isEmpty: Bool { files.isEmpty && failures.isEmpty }

    func status(of path: RelativePath) -> FileStatus? { statuses[path] }

    /// Why a path, or a directory on the way to it, could not be looked at.
    func failure(at path: RelativePath) -> FileError? {
        guard !failures.isEmpty else { return nil }
        return failures[path] ?? path.ancestors.lazy.compactMap { failures[$0] }.first
    }

    func hasLog(_ path: RelativePath) -> Bool { logs.contains(path) }

    /// Why a path cannot be compared.
    func cause(at path: RelativePath) -> (any Error)? {
        guard hasLog(path) else { return failure(at: path) }
        return SyncError(
            code: .databaseInUse,
            message: "'\(path)' is a database with a log beside it: an agent may be at work on it",
            hint: "Stop the agent, so that it brings the log into the database, and run the command again.")
    }

    func version(of path: RelativePath) -> PathVersion {
        if hasLog(path) { return .unusable(.unknown) }
        if let status = statuses[path] { return .content(digests[path], modified: status.modified) }
        return failure(at: path).map { PathVersion(unreadable: $0) } ?? .absent
    }
}
