import FoundationEssentials
import NIOConcurrencyHelpers

/// The time to sign requests with: this machine's, corrected once a store has shown it to be wrong.
final class SigningClock: Sendable {
    /// How far the clocks may be apart before a correction makes sense, in seconds. Stores accept 15 minutes.
    static let tolerance = 300.0

    private let offset = NIOLockedValueBox(0.0)
    private let systemTime: @Sendable () -> Date

    init(systemTime: @escaping @Sendable () -> Date = { Date() }) { self.systemTime = systemTime }

    /// The time as far as it is known.
    var now: Date { systemTime() + offset.withLockedValue { $0 } }

    /// Looks at an answer whose verdict was ``ClockSkew/definite`` or ``ClockSkew/possible``.
    ///
    /// - Parameters:
    ///   - serverDate: the header `Date` of the answer, as it was sent.
    ///   - signed: the time that the request was signed with.
    /// - Returns: whether the clock was corrected, so that the request is worth repeating, once.
    func correct(serverDate: String?, signed: Date) -> Bool {
        guard let server = serverDate.flatMap({ Timestamp.http($0) }),
            abs(server.timeIntervalSince(signed)) > Self.tolerance
        else { return false }
        let difference = server.timeIntervalSince(systemTime())
        offset.withLockedValue { $0 = difference }
        return true
    }
}
