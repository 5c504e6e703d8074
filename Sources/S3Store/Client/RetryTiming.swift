/// How the client waits. Tests replace it, so that they need not wait.
struct RetryTiming: Sendable {
    /// A number in 0..<1, for jitter.
    var random: @Sendable () -> Double = { .random(in: 0..<1) }
    var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// How long the removal of an unfinished upload may take.
    var cleanUp = Duration.seconds(10)
    /// The same where the task was cancelled: whoever did that waits, and a stop takes at most a second.
    var cleanUpAfterCancellation = Duration.milliseconds(800)

    /// Waits.
    /// - Parameter seconds: not negative.
    /// - Throws: `CancellationError`.
    func wait(_ seconds: Double) async throws { try await sleep(.seconds(seconds)) }
}
