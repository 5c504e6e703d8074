import NIOConcurrencyHelpers

/// Keeps the average of bytes in a second below a limit, over all transfers of a store.
final class RateLimiter: Sendable {
    private let schedule: NIOLockedValueBox<RateSchedule<ContinuousClock.Instant>>

    /// - Parameter bytesPerSecond: at least 1.
    init(bytesPerSecond: Int) {
        schedule = NIOLockedValueBox(RateSchedule(bytesPerSecond: bytesPerSecond, start: .now))
    }

    /// Waits until `count` bytes may pass.
    /// - Throws: `CancellationError`.
    func wait(for count: Int) async throws {
        guard count > 0 else { return }
        let now = ContinuousClock.now
        let turn = schedule.withLockedValue { $0.reserve(count, at: now) }
        if turn > now { try await Task.sleep(until: turn, clock: .continuous) }
    }
}

/// Who may send when. Each caller takes its place in line before it waits, so that those who wait together do not start
/// together.
struct RateSchedule<Instant: InstantProtocol> where Instant.Duration == Duration {
    private let bytesPerSecond: Double
    /// When all bytes let through so far are paid for.
    private var free: Instant

    init(bytesPerSecond: Int, start: Instant) {
        self.bytesPerSecond = Double(max(1, bytesPerSecond))
        free = start
    }

    /// - Returns: when the caller may start.
    mutating func reserve(_ count: Int, at now: Instant) -> Instant {
        let turn = max(free, now)
        free = turn.advanced(by: .seconds(Double(count) / bytesPerSecond))
        return turn
    }
}
