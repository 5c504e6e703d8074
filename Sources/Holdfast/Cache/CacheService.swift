import ActionsCache

/// A cache of directories by key, as the Actions cache is one. It is best effort: every way to end is an outcome.
public protocol CacheService: Sendable {
    /// Extracts the newest entry that matches; see `ActionsCache/restore(_:key:restoreKeys:)`.
    func restore(_ paths: [String], key: String, restoreKeys: [String]) async -> CacheRestoreOutcome
    /// Stores directories as a new entry; see `ActionsCache/save(_:key:)`.
    func save(_ paths: [String], key: String) async -> CacheSaveOutcome
}

extension ActionsCache: CacheService {}
