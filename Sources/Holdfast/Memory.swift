import AgentFiles
import FileIO
import Logging
import ObjectStore
import Repository

/// One agent's memory for one repository: a storage directory on this machine, and its snapshots in a store.
///
/// ``push(allowShrink:seenAt:gently:keepingTornFiles:leavingOut:)`` captures the directory as a new snapshot, merged with what others saved; ``pull(_:)`` brings a
/// snapshot here, all of it or nothing. Beside the snapshots, the mirror view of RFC-019 is kept if that is wanted.
public struct Memory: Sendable {
    /// Where a memory is, and how it is treated.
    public struct Options: Sendable {
        /// The storage directory.
        public var storage: String
        public var exclusions: Exclusions
        /// Requests at once.
        public var concurrency: Int
        /// Where this machine remembers what was synchronised last; without it, every file is read each time.
        public var stateDirectory: String?
        /// Keep one object for each file beside the packs.
        public var keepsMirror: Bool
        /// Who saves: host and process, for people.
        public var writer: String
        public var run: Commit.Run?
        /// The value of `OPENCODE_DB`, which names a database of the agent; else it is looked for beside the storage.
        public var database: String?
        /// Leave credentials in the stored images of databases.
        public var keepsDatabaseSecrets = false
        /// Removals go through, however many they are.
        public var allowsShrinking = false
        /// A checkout that has another path on this machine.
        public var rebase: (old: String, new: String)?
        /// Finds the checkout that the agent works in here: what restored databases call by another path gets this one, where
        /// that is certain. Asked only when a database is restored.
        public var checkout: @Sendable () async -> String? = { nil }

        public init(
            storage: String, exclusions: Exclusions = Exclusions(), concurrency: Int = 32,
            stateDirectory: String? = nil,
            keepsMirror: Bool = true, writer: String, run: Commit.Run? = nil
        ) {
            self.storage = storage
            self.exclusions = exclusions
            self.concurrency = concurrency
            self.stateDirectory = stateDirectory
            self.keepsMirror = keepsMirror
            self.writer = writer
            self.run = run
        }
    }

    private(set) var store: any ObjectStore
    let location: MemoryLocation
    public var options: Options
    private(set) var meter: TransferMeter
    let progress: SyncProgress
    let logger: Logger
    /// The snapshots.
    public private(set) var repository: Repository
    private let checkpointStore: String
    var environment = WorkspaceEnvironment.live

    /// - Parameter meter: the one that `store` counts with.
    public init(
        store: any ObjectStore, location: MemoryLocation, options: Options, meter: TransferMeter,
        progress: SyncProgress = SyncProgress(), logger: Logger
    ) {
        self.store = store
        self.location = location
        self.options = options
        self.meter = meter
        self.progress = progress
        self.logger = logger
        checkpointStore = store.location
        repository = Repository(
            store: store, memory: location.key, repository: location.repository, agent: location.agent.name,
            concurrency: options.concurrency, logger: logger)
    }

    /// Workspace of the operations on this memory.
    var workspace: Workspace {
        Workspace(
            repository: repository, location: location, storage: options.storage, exclusions: options.exclusions,
            concurrency: options.concurrency,
            databaseOptions: Workspace.DatabaseOptions(
                named: options.database, keepsSecrets: options.keepsDatabaseSecrets, rebase: options.rebase,
                checkout: options.checkout),
            removals: RemovalGuard(isOff: options.allowsShrinking), stateDirectory: options.stateDirectory,
            checkpointStore: checkpointStore, environment: environment,
            reporter: Reporter(logger: logger, progress: progress, meter: meter))
    }

    /// The same memory on this machine in front of another store that holds it. What is synchronised with it counts as
    /// synchronised with this one.
    /// - Parameter meter: the one that `other` counts with.
    func reading(from other: any ObjectStore, meter: TransferMeter) -> Memory {
        var copy = self
        copy.store = other
        copy.meter = meter
        copy.repository = Repository(
            store: other, memory: location.key, repository: location.repository, agent: location.agent.name,
            concurrency: options.concurrency, logger: logger)
        return copy
    }

    /// The same memory with frames that need not be fetched.
    func with(nearby: NearbyFrames) -> Memory {
        var copy = self
        copy.repository.nearby = nearby
        return copy
    }

    /// The memory of another agent for the same repository.
    func shared(from agent: AgentIdentity) throws(InvalidName) -> Memory {
        Memory(
            store: store,
            location: try MemoryLocation(
                prefix: location.prefix, agent: agent, repository: location.repository),
            options: options, meter: meter, progress: progress, logger: logger)
    }
}
