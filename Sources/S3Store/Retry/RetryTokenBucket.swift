import NIOConcurrencyHelpers

/// The retries that all requests of one client may make together, so that a store in trouble is not met with a multiple
/// of the usual load (AWS SDKs and Tools Reference Guide, "Retry behavior": the retry quota).
final class RetryTokenBucket: Sendable {
    static let defaultCapacity = 500

    let capacity: Int
    private let tokens: NIOLockedValueBox<Int>

    init(capacity: Int = RetryTokenBucket.defaultCapacity) {
        self.capacity = capacity
        tokens = NIOLockedValueBox(capacity)
    }

    /// Tokens that are left.
    var available: Int { tokens.withLockedValue { $0 } }

    /// Takes what a retry costs (``RetryMode/cost(isThrottling:isTimeout:)``).
    ///
    /// - Returns: `false`, and nothing is taken, if there is not enough: then there is no retry.
    func take(_ cost: Int) -> Bool {
        tokens.withLockedValue { tokens in
            guard cost <= tokens else { return false }
            tokens -= cost
            return true
        }
    }

    /// A request has succeeded.
    ///
    /// - Parameter lastCost: what its last retry took, which is given back; `nil` if it was never retried, which brings
    ///   one token. A request that fails in the end gives nothing back.
    func succeeded(lastCost: Int?) {
        tokens.withLockedValue { $0 = min(capacity, $0 + (lastCost ?? 1)) }
    }
}
