import Basics
import FileIO

/// The files of a storage directory as they are now: where a save begins.
///
/// AgentFiles is the part of Holdfast that knows the disk. On the way into the store, a ``StorageScan`` lists what there
/// is (``RelativePath``, by bytes), without following links, and ``Exclusions`` says what is not for the store. On the
/// way back, ``SafePaths`` looks at the names that the store offers before any of them is used, and a ``StagedTree``
/// writes the files beside the old ones and puts all of them in place, or none. It knows nothing of stores, snapshots or
/// the network.
///
/// Only regular files are listed. Symbolic links, sockets, pipes and devices are skipped and counted; so is what the
/// exclusions leave out. The root itself may be a link to a directory.
public struct StorageScan: Sendable {
    /// A regular file that was found.
    public struct ScannedFile: Sendable, Equatable {
        public let path: RelativePath
        public let status: FileStatus
    }

    /// A file or directory that could not be looked at. A save without it would be incomplete.
    public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        public let path: RelativePath
        public let cause: FileError
        public var description: String { "\(cause)" }
    }

    /// The storage directory does not exist: the agent has not run here yet.
    public internal(set) var rootMissing = false
    /// In the byte order of their paths.
    public internal(set) var files: [ScannedFile] = []
    /// In the byte order of their paths; empty if the scan saw everything.
    public internal(set) var failures: [Failure] = []
    public internal(set) var skippedLinks = 0
    /// Sockets, pipes and devices.
    public internal(set) var skippedSpecialFiles = 0
    /// Paths beside which SQLite keeps a log or a journal that is not empty: what the file at the path holds is not all.
    public internal(set) var logs: Set<RelativePath> = []
    /// How often each rule applied. A directory left out as a whole counts once.
    public internal(set) var excluded: [Exclusions.Rule: Int] = [:]

    /// The sum of the files' sizes.
    public var totalBytes: Int64 { files.reduce(0) { $0 + $1.status.size } }

    /// Walks a storage directory on the file thread pool.
    /// - Parameters:
    ///   - root: the storage directory.
    ///   - exclusions: what not to list.
    /// - Returns: what was found. ``rootMissing`` tells a directory that is not there from an empty one.
    /// - Throws: ``FileError`` if the root cannot be read or is not a directory, `CancellationError` between directories.
    public static func scan(_ root: String, exclusions: Exclusions = Exclusions()) async throws -> StorageScan {
        try await FileIO.run { try walk(root, exclusions, $0) }
    }

    /// ``scan(_:exclusions:)`` on this thread.
    static func walk(_ root: String, _ exclusions: Exclusions, _ cancellation: Cancellation) throws -> StorageScan {
        let directory: File
        do {
            directory = try File.open(root, [.read, .directory])
        } catch {
            guard error.isMissing, !isLink(root) else { throw error }
            return StorageScan(rootMissing: true)
        }
        var walk = TreeWalk(root: directory, exclusions: exclusions)
        return try walk.run(cancellation)
    }

    /// A link whose target is missing is not the same as nothing: a disk may not be mounted.
    private static func isLink(_ root: String) -> Bool {
        let bare = root.utf8.reversed().drop { $0 == UInt8(ascii: "/") }.reversed()
        return (try? FileStatus.at(String(decoding: bare, as: UTF8.self)))?.kind == .link
    }
}

extension StorageScan.Failure: FailureConvertible {
    public var failure: Basics.Failure { cause.failure }
}
