import Basics
import FoundationEssentials

/// How one watched memory is doing: what `/healthz`, `/readyz`, `/metrics` and the status page read.
public struct MemoryHealth: Sendable, Equatable {
    /// What a watched memory is at.
    public enum State: String, Sendable, CaseIterable {
        case starting
        /// The store's state is being brought here.
        case restoring
        /// Everything is saved, or a change waits for the writer to fall silent.
        case idle
        case saving
        /// The last save or restore failed; it is tried again after a pause.
        case retrying
        case stopped
    }

    /// One failed save, restore or poll.
    public struct Failure: Sendable, Equatable {
        public let time: Date
        public let code: FailureCode
        /// For people; holds no secret.
        public let message: String

        public init(time: Date, code: FailureCode, message: String) {
            (self.time, self.code, self.message) = (time, code, message)
        }
    }

    /// How many failures are kept.
    public static let keptErrors = 20

    /// Tells the memories of one process apart; letters, digits, `.`, `_` and `-` only, so that it fits into a path.
    public let id: String
    /// The repository, `owner/name`.
    public let repository: String
    /// Whose memory it is, such as `discord`.
    public let agent: String
    /// Where it lies: the store's URL and the key.
    public let location: String
    /// The storage directory.
    public let storage: String

    public var state = State.starting
    /// When the process began to watch.
    public var started: Date
    /// When the store last had all that was here; `nil` if this machine knows of no such time.
    public var lastSuccess: Date?
    public var lastSaveSeconds: Double?
    /// Failed saves since ``lastSuccess``.
    public var failuresSince = 0
    /// The newest first, at most ``keptErrors``.
    public private(set) var errors: [Failure] = []
    /// When the oldest change was noticed that is not in the store; `nil` if all is saved.
    public var oldestUnsavedChange: Date?
    /// Files that changed since the last save began, as far as they were noticed one by one.
    public var pendingChanges = 0
    /// Saves that came to an end since the process began, also those that found nothing new.
    public var saves = 0
    /// Saves that made a snapshot.
    public var snapshotsSaved = 0
    /// Failures since the process began, by ``Failure/code``.
    public private(set) var failuresByReason: [FailureCode: Int] = [:]
    public var requests = 0
    public var bytesSent: Int64 = 0
    public var bytesReceived: Int64 = 0
    /// Of the main files of all databases.
    public var databaseBytes: Int64 = 0
    /// Of their write-ahead logs.
    public var walBytes: Int64 = 0
    /// In the newest snapshot, after the last save or restore.
    public var files = 0
    public var totalBytes: Int64 = 0
    /// The newest snapshot that this process knows, in hex.
    public var snapshot: String?
    /// How old an unsaved change may be while the memory counts as ready.
    public var readinessBound: Duration

    public init(
        id: String, repository: String, agent: String, location: String, storage: String, started: Date = Date(),
        readinessBound: Duration = .seconds(60)
    ) {
        self.id = id
        self.repository = repository
        self.agent = agent
        self.location = location
        self.storage = storage
        self.started = started
        self.readinessBound = readinessBound
    }

    /// Notes a failure.
    public mutating func add(_ failure: Failure) {
        errors.insert(failure, at: 0)
        if errors.count > Self.keptErrors { errors.removeLast() }
        failuresByReason[failure.code, default: 0] += 1
    }

    /// The age of the oldest change that is not in the store, in seconds; 0 if all is saved.
    public func lag(at now: Date = Date()) -> Double {
        oldestUnsavedChange.map { max(0, now.timeIntervalSince($0)) } ?? 0
    }

    /// Why the memory is not ready: what is here is not in the store within ``readinessBound``. `nil` if it is.
    public func unreadiness(at now: Date = Date()) -> String? {
        switch state {
        case .starting, .restoring: return "the state is still being restored"
        case .stopped: return "it is no longer watched"
        case .idle, .saving, .retrying: break
        }
        let bound = Double(readinessBound.components.seconds)
        guard lag(at: now) > bound else { return nil }
        let cause = errors.first.map { ": \($0.message)" } ?? ""
        return "a change has not been saved for \(Int(lag(at: now))) s; \(Int(bound)) s are allowed\(cause)"
    }
}
