import Basics
import Logging
import ObjectStore
import S3Store

/// What `restoreCache` and `saveCache` of RFC-019 §6 work on.
public struct CacheOptions: Sendable {
    /// `components` of the RFC: the agent, the repository, the ref and the system, as keys of the cache.
    public var agentIdentity: AgentIdentity
    /// The repository, `owner/name`.
    public var repo: String
    /// The storage directory.
    public var storagePath: String
    /// The copy for the Actions cache; `nil` where there is no cache.
    public var cache: CachePlace?
    /// The store; without it, or not enabled, the cache is all there is.
    public var s3Config: S3Config?
    /// Who is behind the run: nobody else's state is written through to the store.
    public var trust: EventTrust
    public var policy: RestorePolicy
    /// Where to remember what was synchronised last; beside the cached store if `nil`.
    public var stateDirectory: String?
    public var writer: String
    public var credentials: (any CredentialSource)?
    public var logger: Logger

    public init(
        agentIdentity: AgentIdentity, repo: String, storagePath: String, cache: CachePlace?, s3Config: S3Config? = nil,
        trust: EventTrust = .trusted, policy: RestorePolicy = .newest, stateDirectory: String? = nil,
        writer: String = "library", credentials: (any CredentialSource)? = nil, logger: Logger
    ) {
        self.agentIdentity = agentIdentity
        self.repo = repo
        self.storagePath = storagePath
        self.cache = cache
        self.s3Config = s3Config
        self.trust = trust
        self.policy = policy
        self.stateDirectory = stateDirectory
        self.writer = writer
        self.credentials = credentials
        self.logger = logger
    }

    /// Opens the memory for the time of a closure: in S3, or in the cached store where there is none.
    func withMemory<Result>(_ body: (Memory, StoreKind) async throws -> Result) async throws -> Result {
        let meter = TransferMeter()
        func memory(_ store: any ObjectStore, prefix: String) throws -> Memory {
            Memory(
                store: store,
                location: try MemoryLocation(prefix: prefix, agent: agentIdentity, repository: repo),
                options: Memory.Options(
                    storage: storagePath, concurrency: s3Config?.concurrency ?? 32,
                    stateDirectory: stateDirectory ?? cache.map { $0.directory + ".state" }, writer: writer),
                meter: meter, logger: logger)
        }
        guard let config = s3Config, config.enabled else {
            let directory = cache?.directory ?? ""
            guard !directory.isEmpty else {
                throw SyncError(
                    code: .failed, message: "there is neither a store nor an Actions cache",
                    hint: "Give an s3Config that is enabled, or a cache.")
            }
            return try await body(
                try memory(FileObjectStore(root: directory, meter: meter), prefix: CacheKeys.prefix), .cacheOnly)
        }
        return try await withS3Client(config, credentials: credentials, meter: meter, logger: logger) { store in
            try await body(try memory(store, prefix: config.prefix), .s3)
        }
    }
}

/// Brings the state from the Actions cache or the store: `restoreCache` of RFC-019 §6.
///
/// Errors are logged and in the result; nothing is thrown, so that storage trouble never ends the agent's run.
public func restoreCache(_ options: CacheOptions) async -> RestoreResult {
    let result: RestoreResult
    do {
        result = try await options.withMemory { memory, kind in
            await memory.restore(RestoreRequest(policy: options.policy, store: kind, cache: options.cache))
        }
    } catch { result = .failed(SyncError(error)) }
    log(result.sync, "Cache restore", ["status": "\(result.status.rawValue)"], options.logger)
    return result
}

/// Brings the state to the Actions cache and, written through, to the store: `saveCache` of RFC-019 §6, which answers
/// whether the cache has it.
///
/// Errors are logged and in the result; nothing is thrown.
public func saveCache(_ options: CacheOptions) async -> WriteThroughResult {
    let result: WriteThroughResult
    do {
        result = try await options.withMemory { memory, kind in
            await memory.save(WriteThroughRequest(store: kind, cache: options.cache, trust: options.trust))
        }
    } catch { result = .failed(SyncError(error)) }
    log(
        result.sync, "Cache save",
        ["cache": "\(result.cache.rawValue)", "store": "\(result.store.rawValue)"], options.logger)
    return result
}

private func log(_ result: SyncResult, _ name: String, _ facts: Logger.Metadata, _ logger: Logger) {
    for warning in result.warnings { logger.warning("\(name)", metadata: ["warning": "\(warning)"]) }
    if let error = result.error {
        logger.warning("\(name) failed", metadata: facts.merging(["error": "\(error.message)"]) { $1 })
    } else {
        logger.info("\(name) complete", metadata: facts)
    }
}
