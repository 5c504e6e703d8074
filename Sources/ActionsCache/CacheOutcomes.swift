/// How a save into the Actions cache ended. A refused save is never called saved.
public enum CacheSaveOutcome: Sendable, Equatable {
    /// The entry is there. `bytes` is the size of its archive.
    case saved(bytes: Int64)
    /// Another run holds an entry of the same key, or is writing one: a detected race, and fine.
    case exists
    /// The service refuses writes to this run: a token without a writable scope, or the cache mode.
    case denied(String)
    /// Too many requests or too much stored; trying again now would not help.
    case rateLimited(String)
    case failed(reason: String)

    /// The name of the case, for logs and metrics.
    var label: String {
        switch self {
        case .saved: "saved"
        case .exists: "exists"
        case .denied: "denied"
        case .rateLimited: "rateLimited"
        case .failed: "failed"
        }
    }
}

/// Result of a look into the Actions cache.
public enum CacheRestoreOutcome: Sendable, Equatable {
    /// The entry was extracted. `key` is the one that it has, `bytes` the size of its archive.
    case hit(key: String, bytes: Int64)
    /// The service has no such entry.
    case miss
    /// The service refuses reads to this run.
    case denied(String)
    /// There was an entry that must not or cannot be extracted. Nothing was written.
    case unusable(key: String, reason: String)
    case failed(reason: String)

    /// The name of the case, for logs and metrics.
    var label: String {
        switch self {
        case .hit: "hit"
        case .miss: "miss"
        case .denied: "denied"
        case .unusable: "unusable"
        case .failed: "failed"
        }
    }
}

/// Which entry a restore would fetch.
public enum CacheLookUpOutcome: Sendable, Equatable {
    /// `key` is the one that the entry has; it may differ from the one asked for behind a common prefix.
    case found(key: String)
    case miss
    case denied(String)
    case failed(reason: String)
}
