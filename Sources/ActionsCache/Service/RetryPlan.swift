import Logging

/// An answer that may be another one next time.
struct Transient: Error {
    /// Error that ends the call if no retry succeeds.
    let error: CacheError
    /// Seconds that the service asked to wait; `nil` if it did not.
    var retryAfter: Int?
    var isRateLimit = false
}

/// How often and after what waits a request is sent again.
struct RetryPlan: Sendable {
    let attempts: Int
    /// - Parameters: how many attempts have failed, from 1; a number in 0..<1.
    let wait: @Sendable (_ failed: Int, _ random: Double) -> Duration

    /// A service that counts requests may ask for so many waits, none longer than this; then it is left alone.
    static let rateLimitWaits = 2
    static let longestWait = 60

    /// Control plane of v2, as `actions/cache` waits: 3 s, then between 1.5 and 2.25 times the one before.
    static let twirp = RetryPlan(attempts: 5) { failed, random in
        guard failed > 1 else { return .seconds(3) }
        var low = 3.0
        for _ in 1..<failed { low *= 1.5 }
        return .seconds(low + random * low / 2)
    }
    /// All of v1, as `actions/cache` waits.
    static let rest = RetryPlan(attempts: 2) { _, _ in .seconds(5) }
    /// Blobs, as Azure's client waits.
    static let blob = RetryPlan(attempts: 4) { failed, random in .seconds(Double(2 << failed) * (0.8 + 0.4 * random)) }
    /// "Not found" at the end of an upload, while the blob is not visible yet.
    static let finalize = RetryPlan(attempts: 6) { _, _ in .seconds(2) }

    /// Whether a blob service may answer otherwise the next time.
    static func isTransient(_ status: Int) -> Bool { status == 408 || status >= 500 }

    func run<Value: Sendable>(
        _ timing: CacheTiming, _ logger: Logger, _ work: (_ attempt: Int) async throws -> Value
    ) async throws -> Value {
        var (failed, limited) = (0, 0)
        while true {
            try Task.checkCancellation()
            var pause: Duration?
            let reason: String
            do { return try await work(failed) } catch let error as Transient {
                reason = error.error.reason
                failed += 1
                if error.isRateLimit {
                    limited += 1
                    let asked = error.retryAfter ?? 0
                    guard limited <= Self.rateLimitWaits, asked <= Self.longestWait else { throw error.error }
                    pause = error.retryAfter.map { .seconds($0) }
                } else if failed >= attempts {
                    throw error.error
                }
            } catch let error as TransportError {
                reason = error.reason
                failed += 1
                if !error.mayPass || failed >= attempts { throw CacheError.failed(error.reason) }
            }
            let wait = pause ?? self.wait(failed, timing.random())
            logger.debug(
                "Actions cache request is sent again",
                metadata: ["cache.attempt": "\(failed)", "cache.reason": "\(reason)", "cache.wait": "\(wait)"])
            try await timing.sleep(wait)
        }
    }
}
