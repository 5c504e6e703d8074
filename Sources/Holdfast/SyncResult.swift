import Basics

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
    /// Files that are gone where the operation wrote: in the newest snapshot, or here.
    public var removed = 0
    /// What became of the sessions.
    public var sessions = SessionCounts()
    /// Removals that the operation left undone because they are so many; `nil` if there are none.
    public var heldBack: HeldRemovals?
    /// Where the state lay that a push has saved; `nil` if that is not known.
    public var place: PlaceIdentity?
    /// Who has made an older snapshot the newest again since this machine was synchronised.
    public var rolledBackBy: String?
    /// What a person should know although the operation succeeded.
    public var warnings: [String] = []
    /// Databases that changed and that a push was asked to leave as they are in the snapshot.
    public var leftOutDatabases: [String] = []
    /// Why the operation as a whole did not succeed.
    public var error: SyncError?
    /// Files and objects that were left where they are, each with its reason. They make ``success`` false.
    public var problems: [Problem] = []
    /// Paths that changed here and in the store, where nothing was touched; else sentences that name versions which lost in
    /// a merge, and where they are kept.
    public var conflicts: [String] = []
    /// A snapshot that cannot be merged with this machine's state, which is saved beside it.
    public var apart: SyncError?
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
        /// One action that may help and destroys nothing.
        public var hint: String?
        /// The same command may succeed without a change by anybody.
        public var passesByItself = false

        init(path: String, reason: String, hint: String? = nil, passesByItself: Bool = false) {
            (self.path, self.reason, self.hint) = (path, reason, hint)
            self.passesByItself = passesByItself
        }

        /// A path that an error kept from being transferred.
        init(path: String, _ failure: Failure) {
            self.init(
                path: path, reason: failure.message, hint: failure.hint, passesByItself: failure.passesByItself)
        }
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
    var files = FileSoundness.unknown

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

/// Whether files are what an agent can read, as far as an operation looked.
enum FileSoundness: Sendable, Equatable {
    /// Not all of them were looked at.
    case unknown
    case sound
    case corrupt(reason: String)
}

/// Why a sync failed, for people and for scripts.
public typealias SyncError = Failure
