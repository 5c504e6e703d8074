import FileIO
import Logging
import NIOCore

/// Operations that both services have.
protocol CacheService: Sendable {
    /// - Returns: the newest entry that matches; `nil` if there is none.
    /// - Throws: ``CacheError``; `CancellationError`.
    func lookUp(_ keys: [CacheKey], version: String) async throws -> FoundEntry?
    /// Stores an entry; returns once the service has confirmed it.
    /// - Throws: ``CacheError``; `CancellationError`.
    func save(_ archive: StoredArchive, key: CacheKey, version: String) async throws
}

/// An entry that can be fetched.
struct FoundEntry: Sendable {
    let key: String
    let url: SignedURL
}

/// An archive on the disk.
struct StoredArchive: Sendable {
    let file: File
    /// In bytes.
    let size: Int64
}

/// Settings and clients that both services need.
struct ServiceContext: Sendable {
    let http: CacheHTTP
    let environment: CacheEnvironment
    let options: ActionsCache.Options
    let logger: Logger

    /// Does `work` again as the plan says, while it throws ``Transient`` or a ``TransportError`` that may pass.
    func retrying<Value: Sendable>(
        _ plan: RetryPlan, _ work: (_ attempt: Int) async throws -> Value
    ) async throws -> Value {
        try await plan.run(options.timing, logger, work)
    }
}

/// Words of a service for people: on one line, and not endless.
func serviceWords(_ text: String) -> String { printable(text.utf8.prefix(500)) }
