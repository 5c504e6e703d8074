import AgentFiles
import FoundationEssentials
import Logging
import ObjectStore
import Repository

/// The two places of an operation, a storage directory on this machine and a memory in a store, and the tools that every
/// worker needs.
///
/// ``Memory`` makes one for each operation. Workers hold it instead of the whole memory.
struct Workspace: Sendable {
    /// The snapshots.
    let repository: Repository
    let location: MemoryLocation
    /// The storage directory.
    let storage: String
    let exclusions: Exclusions
    /// Requests at once.
    let concurrency: Int
    let databaseOptions: DatabaseOptions
    /// Holds removals back.
    var removals = RemovalGuard(isOff: false)
    /// Directory of the checkpoints; without it, nothing is remembered.
    let stateDirectory: String?
    /// The store that the checkpoint names. A copy of a memory shares the checkpoint of its original.
    let checkpointStore: String
    let environment: WorkspaceEnvironment
    let reporter: Reporter

    /// How databases are captured and restored.
    struct DatabaseOptions: Sendable {
        /// The value of `OPENCODE_DB`.
        var named: String?
        /// Leave credentials in the stored images.
        var keepsSecrets = false
        /// A checkout that has another path on this machine.
        var rebase: (old: String, new: String)?
        /// The checkout that the agent works in here. Asked only when a database is restored.
        var checkout: @Sendable () async -> String? = { nil }
    }

    var store: any ObjectStore { repository.store }
    var logger: Logger { reporter.logger }
    var progress: SyncProgress { reporter.progress }
    var meter: TransferMeter { reporter.meter }
}

/// Everything a workspace reads from the machine that differs each time. Tests bring their own.
struct WorkspaceEnvironment: Sendable {
    /// Nanoseconds since 1970, by the clock that file times are compared with.
    var now: @Sendable () -> Int64

    /// The machine's own.
    static let live = WorkspaceEnvironment(now: { Int64(Date().timeIntervalSince1970 * 1e9) })
}

/// Where an operation reports what it does.
struct Reporter: Sendable {
    let logger: Logger
    let progress: SyncProgress
    /// Counts the requests and bytes of the store that the operation uses.
    let meter: TransferMeter
}
