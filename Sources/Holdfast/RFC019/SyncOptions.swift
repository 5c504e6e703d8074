import AgentFiles
import Logging
import ObjectStore
import S3Store

/// What to synchronise: `S3SyncOptions` of RFC-019 §2.
public struct SyncOptions: Sendable {
    public var config: S3Config
    /// The storage directory.
    public var storagePath: String
    public var agentIdentity: AgentIdentity
    /// The repository, `owner/name`.
    public var repo: String
    public var logger: Logger
    /// What to take from the directories that are left out by default.
    public var exclusions: Exclusions
    /// What a download does about files that changed on both sides.
    public var conflictPolicy: ConflictPolicy
    /// Where to remember what was synchronised last, `$XDG_STATE_HOME/holdfast` in the command.
    public var stateDirectory: String?
    /// Who saves, for the history: the host and the process, or the name of a program.
    public var writer: String
    /// Where credentials come from if the configuration holds none.
    public var credentials: (any CredentialSource)?

    public init(
        config: S3Config,
        storagePath: String,
        agentIdentity: AgentIdentity,
        repo: String,
        logger: Logger,
        exclusions: Exclusions = Exclusions(),
        conflictPolicy: ConflictPolicy = .stop,
        stateDirectory: String? = nil,
        writer: String = "library",
        credentials: (any CredentialSource)? = nil
    ) {
        self.config = config
        self.storagePath = storagePath
        self.agentIdentity = agentIdentity
        self.repo = repo
        self.logger = logger
        self.exclusions = exclusions
        self.conflictPolicy = conflictPolicy
        self.stateDirectory = stateDirectory
        self.writer = writer
        self.credentials = credentials
    }
}
