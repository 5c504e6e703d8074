import Basics

/// What a save may use.
public struct WriteThroughRequest: Sendable {
    public var store: StoreKind
    /// `nil` where there is no Actions cache.
    public var cache: CachePlace?
    /// Who is behind the run. The store is written to only for those who may write to the repository.
    public var trust: EventTrust

    public init(store: StoreKind, cache: CachePlace?, trust: EventTrust = .trusted) {
        self.store = store
        self.cache = cache
        self.trust = trust
    }
}

/// What a save came to, in the store and in the Actions cache.
public struct WriteThroughResult: Sendable {
    public enum StoreStatus: String, Sendable {
        /// The state is in the store, whether or not it had to be sent.
        case saved
        /// There is no store, nothing to save, or nobody to be trusted.
        case skipped
        case failed
    }

    public enum CacheStatus: String, Sendable {
        case saved
        /// Another run has an entry of the same key: a race, and fine.
        case exists
        /// The service lets this run write nothing.
        case denied
        /// There is no cache, or nothing to save.
        case skipped
        case failed
    }

    /// Files, bytes, requests, warnings; of the store if it has the state, else of the copy for the cache.
    public internal(set) var sync = SyncResult(success: true)
    public internal(set) var store = StoreStatus.skipped
    public internal(set) var cache = CacheStatus.skipped
    /// The key of the cache entry, if one was tried.
    public internal(set) var cacheKey: String?
    /// Size of the entry, if it was saved.
    public internal(set) var cacheBytes: Int64?
    /// There is nothing that could be saved.
    public internal(set) var isEmpty = false
    /// What is worth a line, and no warning.
    public internal(set) var notices: [String] = []

    public init() {}

    /// The save could not even start.
    public static func failed(_ error: SyncError) -> WriteThroughResult {
        var result = WriteThroughResult()
        result.sync = .failed(error)
        result.store = .failed
        return result
    }
}

extension Memory {
    /// Brings the state here to the store and to the Actions cache: RFC-019's `saveCache`.
    ///
    /// Both are tried whatever becomes of the other, the store first. An empty state saves nothing. Nothing is thrown.
    public func save(_ request: WriteThroughRequest) async -> WriteThroughResult {
        var work = WriteThroughInProgress(memory: self, request: request)
        return await work.run()
    }
}
