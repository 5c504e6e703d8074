import ActionsCache
import Holdfast
import Logging
import ObjectStore

/// Where `save` and `restore` go: the store of the settings, and the Actions cache where there is one.
struct WriteThroughPlace: Sendable {
    let settings: Settings
    let console: Console
    let location: MemoryLocation
    /// `nil` where there is no cache, or it is not wanted.
    let cache: CachePlace?

    /// - Throws: ``UsageError`` for settings that name no memory.
    init(_ settings: Settings, _ console: Console) throws {
        self.settings = settings
        self.console = console
        location = try Session.location(settings)
        cache = settings.usesCache ? Self.find(settings, console, location) : nil
    }

    private static func find(_ settings: Settings, _ console: Console, _ location: MemoryLocation) -> CachePlace? {
        let environment = console.world.environment
        guard let service = cacheService(environment, console) else { return nil }
        return CachePlace(
            service: service,
            directory: CachePlace.directory(for: location, below: settings.cacheDirectory),
            keys: CacheKeys(environment, agent: location.agent, repository: location.repository))
    }

    /// Opens the memory for the time of a closure.
    ///
    /// Where nobody has named a store and there is a cache, the cache is all there is: a directory of a runner dies with it.
    func open<Result>(_ body: (Session, StoreKind) async throws -> Result) async throws -> Result {
        if let cache, settings.isDefaultStore {
            var settings = settings
            settings.store = .file(directory: cache.directory)
            settings.keepsMirror = false
            return try await Session.open(settings, console, isTemporary: true) { try await body($0, .cacheOnly) }
        }
        let kind: StoreKind = if case .s3 = settings.store { .s3 } else { .file }
        return try await Session.open(settings, console) { try await body($0, kind) }
    }
}

/// The Actions cache of this run; `nil`, and in a run a notice, where there is none.
private func cacheService(_ environment: [String: String], _ console: Console) -> (any CacheService)? {
    switch ActionsCache.find(environment, logger: console.logger) {
    case .available(let cache): return cache
    case .unavailable(let reason):
        if environment["GITHUB_ACTIONS"] == "true" {
            console.note("the Actions cache is not used: \(reason)", isWarning: false)
        }
        return nil
    }
}
