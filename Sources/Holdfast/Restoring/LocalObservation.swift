import AgentFiles
import FileIO

/// The storage directory as a comparison sees it.
struct LocalObservation: Sendable {
    /// In the byte order of their paths.
    let files: [StorageScan.ScannedFile]
    /// Of files whose content matters.
    var digests: [RelativePath: Digest]
    private let statuses: [RelativePath: FileStatus]
    private let failures: [RelativePath: FileError]

    init(_ scan: StorageScan, digests: [RelativePath: Digest]) {
        files = scan.files
        self.digests = digests
        statuses = Dictionary(scan.files.map { ($0.path, $0.status) }) { first, _ in first }
        failures = Dictionary(scan.failures.map { ($0.path, $0.cause) }) { first, _ in first }
    }

    var isEmpty: Bool { files.isEmpty && failures.isEmpty }

    func status(of path: RelativePath) -> FileStatus? { statuses[path] }

    /// Why a path, or a directory on the way to it, could not be looked at.
    func failure(at path: RelativePath) -> FileError? {
        guard !failures.isEmpty else { return nil }
        return failures[path] ?? path.ancestors.lazy.compactMap { failures[$0] }.first
    }

    func version(of path: RelativePath) -> PathVersion {
        if let status = statuses[path] { return .content(digests[path], modified: status.modified) }
        return failure(at: path).map { PathVersion(unreadable: $0) } ?? .absent
    }
}
