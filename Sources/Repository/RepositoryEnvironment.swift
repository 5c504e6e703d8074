import Basics
import FoundationEssentials

/// Everything that is different each time: chance, clocks and waiting. A simulation brings its own.
public struct RepositoryEnvironment: Sendable {
    /// 64 random bits.
    public var random: @Sendable () -> UInt64
    /// Waits, and throws `CancellationError` once the task is cancelled.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// The wall clock in milliseconds since 1970. Shown to people, never compared with that of another machine.
    public var now: @Sendable () -> Int64
    /// A clock that only goes forward, for how long something took on this machine.
    public var uptime: @Sendable () -> Duration

    public init(
        random: @escaping @Sendable () -> UInt64, sleep: @escaping @Sendable (Duration) async throws -> Void,
        now: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> Duration
    ) {
        self.random = random
        self.sleep = sleep
        self.now = now
        self.uptime = uptime
    }

    /// The machine's own.
    public static let live: RepositoryEnvironment = {
        let start = ContinuousClock.now
        return RepositoryEnvironment(
            random: { UInt64.random(in: .min ... .max) }, sleep: { try await Task.sleep(for: $0) },
            now: { Int64(Date().timeIntervalSince1970 * 1000) }, uptime: { ContinuousClock.now - start })
    }()

    /// Now, by both clocks.
    func moment() -> Moment { Moment(uptime: uptime(), now: now()) }

    /// How long ago a moment was, by the clock that says more: one stands still while a virtual machine is suspended, the
    /// other may be set.
    func age(of moment: Moment) -> Duration {
        max(uptime() - moment.uptime, .milliseconds(now().subtractingReportingOverflow(moment.now).partialValue))
    }

    /// 32 hex digits.
    func nonce() -> String { Hexadecimal.text(random()) + Hexadecimal.text(random()) }

    /// A random duration up to a limit: full jitter, so that writers who met do not meet again.
    func jitter(upTo limit: Duration) -> Duration { limit * (Double(random() >> 11) / Double(1 << 53)) }
}

/// A moment by the two clocks of this machine.
struct Moment: Sendable, Equatable {
    let uptime: Duration
    /// Milliseconds since 1970.
    let now: Int64
}
