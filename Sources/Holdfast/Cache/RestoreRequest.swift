/// In which order a restore asks the cache and the store.
public enum RestorePolicy: String, Sendable, CaseIterable {
    /// The cache first, then the store for what is newer: one request if nothing is.
    case newest
    /// The RFC's order: the store only where the cache has nothing that can be used.
    case cacheFirst = "cache-first"
    /// The cache only where the store has nothing that can be used.
    case storeFirst = "store-first"

    enum Place: Sendable { case cache, store }

    var order: [Place] { self == .storeFirst ? [.store, .cache] : [.cache, .store] }

    /// Whether the second place is asked.
    /// - Parameter hit: the first place had a state that can be used.
    func goesOn(afterHit hit: Bool) -> Bool { !hit || self == .newest }
}

/// What kind of store a memory has.
public enum StoreKind: String, Sendable {
    case s3
    /// A directory of this machine.
    case file
    /// There is none: what is kept is the store in the cache.
    case cacheOnly
}

/// What a restore may use, and how.
public struct RestoreRequest: Sendable {
    public var policy: RestorePolicy
    public var store: StoreKind
    /// `nil` where there is no Actions cache.
    public var cache: CachePlace?
    /// Whose memory seeds an empty one: the first of these that the store has.
    public var shareFrom: [AgentIdentity]

    public init(
        policy: RestorePolicy = .newest, store: StoreKind, cache: CachePlace?, shareFrom: [AgentIdentity] = []
    ) {
        self.policy = policy
        self.store = store
        self.cache = cache
        self.shareFrom = shareFrom
    }
}
