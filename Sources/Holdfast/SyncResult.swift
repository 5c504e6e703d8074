import AgentDatabase
import AgentFiles
import FileIO
import ObjectStore
import Repository

/// Which way files go: `SyncDirection` of RFC-019 §2.
public enum SyncDirection: String, Sendable {
    case upload, download
}

/// What a sync did: `S3SyncResult` of RFC-019 §2 and what the product's contract adds. Errors are in it, not thrown.
public struct SyncResult: Sendable {
    /// Everything is where it should be.
    public var success: Bool
    /// Files in the memory after the operation.
    public var objectCount = 0
    /// Their bytes.
    public var totalBytes: Int64 = 0
    /// Files that crossed the wire.
    public var transferredObjects = 0
    /// Bytes of content that crossed the wire, repeated attempts included.
    public var transferredBytes: Int64 = 0
    public var requests = 0
    public var durationSeconds = 0.0
    /// The newest snapshot after the operation, in hex; `nil` if there is none.
    public var snapshot: String?
    /// When it was made, by the clock of the machine that made it: ISO 8601 in UTC.
    public var snapshotTime: String?
    /// A push has made a snapshot; there was something to save.
    public var isNewSnapshot = false
    /// Others had saved in the meantime, and the states were merged.
    public var merged = false
    /// Paths that a push found changed here and in the store. The version that is not in the snapshot is in a parent.
    public var mergeConflicts: [String] = []
    /// What a person should know although the operation succeeded.
    public var warnings: [String] = []
    /// Databases that changed and that a push was asked to leave as they are in the snapshot.
    public var leftOutDatabases: [String] = []
    /// Why the operation as a whole did not succeed.
    public var error: SyncError?
    /// Files and objects that were left where they are, each with its reason. They make ``success`` false.
    public var problems: [Problem] = []
    /// Paths that changed here and in the store; nothing was touched.
    public var conflicts: [String] = []
    /// Where the files lie that were replaced although they had changed here.
    public var replacedKeptAt: String?
    public var skipped = Skipped()
    /// Files that the mirror view cannot show. The snapshot has them.
    public var mirrorProblems: [Problem] = []

    /// One file or object that was not transferred.
    public struct Problem: Sendable, Equatable {
        /// The path below the storage directory, printable.
        public let path: String
        public let reason: String
    }

    /// What is not part of a memory, and how much of it there was.
    public struct Skipped: Sendable, Equatable {
        public var links = 0
        /// Sockets, pipes and devices.
        public var specialFiles = 0
        /// Files and directories that the exclusions leave out.
        public var excluded = 0
        /// Objects that mark a folder and hold nothing.
        public var folderMarkers = 0
    }

    /// The snapshot is of an agent that keeps no database yet.
    var hasOldLayout = false
    /// What the operation can tell of all files that are here after it.
    var files = StateCheck.Files.unknown

    public init(success: Bool) { self.success = success }

    /// The operation could not even start.
    public static func failed(_ error: SyncError) -> SyncResult {
        var result = SyncResult(success: false)
        result.error = error
        return result
    }

    /// The operation was switched off: nothing was done.
    public static let disabled = SyncResult(success: true)
}

/// Why a sync failed, for people and for scripts.
public struct SyncError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable word: that of ``StoreError/Kind`` or ``RepositoryError/Kind``, or `changed-on-both-sides`, `changed-meanwhile`,
    /// `incomplete`, `local-file`.
    public let code: String
    public let message: String
    public let hint: String?
    /// It may pass without anybody doing anything: another process is at work.
    public let mayPass: Bool

    public init(code: String, message: String, hint: String? = nil, mayPass: Bool = false) {
        self.code = code
        self.message = message
        self.hint = hint
        self.mayPass = mayPass
    }

    /// Puts whatever stopped an operation into words.
    public init(_ error: any Error) {
        switch error {
        case let error as SyncError: self = error
        case let error as StoreError:
            self.init(
                code: error.kind.rawValue, message: error.description, hint: error.hint,
                mayPass: error.kind == .conflict || error.kind == .preconditionFailed)
        case let error as RepositoryError:
            self.init(
                code: error.kind.rawValue, message: error.description, hint: error.hint,
                mayPass: error.kind == .conflict)
        case is CancellationError: self.init(code: "cancelled", message: "cancelled")
        case let error as FileError:
            self.init(
                code: "local-file", message: error.description,
                hint: error.isOutOfSpace
                    ? "Free some disk space and run the command again; nothing was changed." : error.hint)
        case let error as Obstacle:
            let isChange = error.kind == .changed
            self.init(
                code: isChange ? "changed-meanwhile" : "local-file", message: error.description,
                hint: isChange ? "Run the command again." : nil, mayPass: isChange)
        case let error as DatabaseInstall.InUse:
            self.init(
                code: "database-in-use", message: error.description,
                hint: "Stop the agent and run the command again. --force replaces the database all the same.",
                mayPass: true)
        case let error as SQLiteError: self.init(code: "database", message: error.description)
        case let error as DatabaseDamage: self.init(code: "damaged", message: error.description)
        default: self.init(code: "failed", message: "\(error)")
        }
    }

    public var description: String { message }
}
