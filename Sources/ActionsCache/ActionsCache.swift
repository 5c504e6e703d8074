import FileIO
import Logging

/// GitHub's Actions cache, as `actions/cache` uses it: the same service, the same archives, the same names.
///
///     switch ActionsCache.find(environment, logger: logger) {
///     case .available(let cache): let outcome = await cache.restore([directory], key: key, restoreKeys: prefixes)
///     case .unavailable(let reason): …
///     }
///
/// A cache is best effort, so no call throws: every way to end is an outcome. A cancelled task ends a call soon, as
/// `failed`.
public struct ActionsCache: Sendable {
    /// The service that was chosen.
    public let service: CacheServiceVersion
    let environment: CacheEnvironment
    let options: Options
    let logger: Logger

    /// The cache that an environment offers, or the lack of one.
    public enum Availability: Sendable {
        case available(ActionsCache)
        /// - Parameter reason: for a notice line.
        case unavailable(reason: String)
    }

    /// Chooses the service that this environment offers, by the rule of `actions/cache`.
    ///
    /// Nothing is sent. ``Options/service`` and then `HOLDFAST_CACHE_SERVICE` (`v1` or `v2`) override the rule.
    /// - Parameters:
    ///   - environment: the variables of this process. Only the runner's JavaScript and container actions have the
    ///     token and the addresses; a `run:` step has neither.
    ///   - options: limits, programs and timing.
    ///   - logger: gets debug lines without a secret.
    public static func find(
        _ environment: [String: String], options: Options = Options(), logger: Logger
    ) -> Availability {
        do {
            let found = try CacheEnvironment(environment, forced: options.service)
            logger.debug("Actions cache found", metadata: ["cache.service": "\(found.service.rawValue)"])
            return .available(
                ActionsCache(service: found.service, environment: found, options: options, logger: logger))
        } catch {
            logger.debug("no Actions cache", metadata: ["cache.reason": "\(error.reason)"])
            return .unavailable(reason: error.reason)
        }
    }

    /// Extracts the newest entry that matches.
    ///
    /// A directory that the entry has is replaced as a whole, and only once all of the entry is on the disk beside it: what was
    /// in it before and is not in the entry is gone. Directories that the entry has not stay as they are.
    /// - Parameters:
    ///   - paths: absolute directories, exactly as they were given when the entry was saved (they are part of its
    ///     version).
    ///   - key: is looked for whole, then as a prefix.
    ///   - restoreKeys: prefixes, tried in order after `key`; at most nine.
    public func restore(_ paths: [String], key: String, restoreKeys: [String] = []) async -> CacheRestoreOutcome {
        let outcome: CacheRestoreOutcome
        do {
            outcome = try await withSession(paths, keys: [key] + restoreKeys) { try await $0.restore() }
        } catch { outcome = Self.restoreOutcome(of: error) }
        log("Actions cache restore ended", outcome.label, key)
        return outcome
    }

    /// Archives directories and stores them as a new entry.
    ///
    /// Paths that do not exist are left out; if none does, the save fails.
    /// - Parameters:
    ///   - paths: absolute directories.
    ///   - key: up to 512 characters without a comma.
    public func save(_ paths: [String], key: String) async -> CacheSaveOutcome {
        let outcome: CacheSaveOutcome
        do {
            outcome = .saved(bytes: try await withSession(paths, keys: [key]) { try await $0.save() })
        } catch { outcome = Self.saveOutcome(of: error) }
        log("Actions cache save ended", outcome.label, key)
        return outcome
    }

    /// Looks for the newest entry that matches, without fetching it.
    /// - Parameters: as those of ``restore(_:key:restoreKeys:)``.
    public func lookUp(_ paths: [String], key: String, restoreKeys: [String] = []) async -> CacheLookUpOutcome {
        do {
            let found = try await withSession(paths, keys: [key] + restoreKeys) { try await $0.lookUp() }
            return found.map { .found(key: $0.key) } ?? .miss
        } catch {
            return switch Self.restoreOutcome(of: error) {
            case .denied(let reason): .denied(reason)
            case .failed(let reason), .unusable(_, let reason): .failed(reason: reason)
            case .miss, .hit: .miss
            }
        }
    }

    private func log(_ message: Logger.Message, _ outcome: String, _ key: String) {
        logger.debug(message, metadata: ["cache.key": "\(printable(key.utf8))", "cache.outcome": "\(outcome)"])
    }

    private static func restoreOutcome(of error: any Error) -> CacheRestoreOutcome {
        guard let error = error as? CacheError else { return .failed(reason: CacheError.reason(of: error)) }
        return switch error {
        case .denied(let reason): .denied(reason)
        case .unusable(let key, let reason): .unusable(key: key, reason: reason)
        case .exists, .rateLimited, .failed: .failed(reason: error.reason)
        }
    }

    private static func saveOutcome(of error: any Error) -> CacheSaveOutcome {
        guard let error = error as? CacheError else { return .failed(reason: CacheError.reason(of: error)) }
        return switch error {
        case .exists: .exists
        case .denied(let reason): .denied(reason)
        case .rateLimited(let reason): .rateLimited(reason)
        case .unusable, .failed: .failed(reason: error.reason)
        }
    }
}
