import FoundationEssentials
import NIOHTTP1

/// How long to wait before another attempt: exponential, with full jitter, so that clients that failed together do not
/// come back together.
struct Backoff: Sendable {
    var mode = RetryMode.standard

    /// The longest wait before jitter, and the longest that a `Retry-After` can ask for, in seconds.
    static let maximum = 20.0
    /// The most that `x-amz-retry-after` can add to a wait, in seconds.
    static let maximumAddition = 5.0

    /// - Parameters:
    ///   - attempt: the number of the attempt that failed, from 1.
    ///   - isThrottling: whether the store asked for fewer requests.
    ///   - amzRetryAfter: the header `x-amz-retry-after`, milliseconds, as it was sent.
    ///   - random: a number in 0..<1.
    ///   - atLeast: a lower bound in seconds, as ``retryAfter(_:)`` reads it; more than ``maximum`` counts as that.
    /// - Returns: seconds to wait.
    func delay(
        afterAttempt attempt: Int, isThrottling: Bool, amzRetryAfter: String? = nil, random: Double,
        atLeast: Double? = nil
    ) -> Double {
        // 2^(attempt - 1), which is infinite for a large attempt rather than an overflow.
        let power = Double(sign: .plus, exponent: min(max(attempt, 1) - 1, 2000), significand: 1)
        var delay = random * min(base(isThrottling: isThrottling) * power, Self.maximum)
        if mode == .standard2026, let hint = amzRetryAfter.flatMap({ Self.milliseconds($0) }) {
            delay = max(delay, min(hint, delay + Self.maximumAddition))
        }
        return max(delay, min(atLeast ?? 0, Self.maximum))
    }

    private func base(isThrottling: Bool) -> Double {
        switch mode {
        case .standard: 1
        case .standard2026: isThrottling ? 1 : 0.05
        }
    }

    private static func milliseconds(_ text: String) -> Double? {
        guard let value = Int(text.trimmingSpaces), value >= 0 else { return nil }
        return Double(value) / 1000
    }

    /// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which is taken relative to the `Date` of the same
    /// answer, for clocks of different machines are not compared.
    ///
    /// - Returns: seconds, not negative; `nil` if the header is missing or says nothing.
    static func retryAfter(_ headers: HTTPHeaders) -> Double? {
        guard let text = headers.first(name: "Retry-After")?.trimmingSpaces else { return nil }
        if let seconds = Int(text) { return seconds >= 0 ? Double(seconds) : nil }
        guard let until = Timestamp.http(text), let sent = headers.first(name: "Date").flatMap({ Timestamp.http($0) })
        else { return nil }
        return max(0, until.timeIntervalSince(sent))
    }
}

extension String {
    fileprivate var trimmingSpaces: Substring {
        let text = drop { $0 == " " || $0 == "\t" }
        guard let last = text.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return text }
        return text[...last]
    }
}
