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
}

/// What a look into the Actions cache found.
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
}
