/// Keeps the average of bytes in a second below a limit, over all transfers of a store.
actor RateLimiter {
    private let bytesPerSecond: Double
    private let clock = ContinuousClock()
    /// When the bytes let through so far are paid for.
    private var free: ContinuousClock.Instant

    /// - Parameter bytesPerSecond: at least 1.
    init(bytesPerSecond: Int) {
        self.bytesPerSecond = Double(max(1, bytesPerSecond))
        free = clock.now
    }

    /// Waits until `count` bytes may pass.
    /// - Throws: `CancellationError`.
    func wait(for count: Int) async throws {
        guard count > 0 else { return }
        // Each caller takes its place in line before it waits, so that callers who wait together do not start together.
        let start = max(free, clock.now)
        free = start + .seconds(Double(count) / bytesPerSecond)
        if start > clock.now { try await clock.sleep(until: start) }
    }
}
