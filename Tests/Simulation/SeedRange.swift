import Foundation
import NIOConcurrencyHelpers

/// The seeds of one run, spread over threads.
package struct SeedRange: Sendable {
    package var first: UInt64
    package var count: Int

    /// The seeds that the environment names: `HOLDFAST_SIMULATION_SEED` is the first, `HOLDFAST_SIMULATION_SEEDS` how many.
    package init(defaultCount: Int) {
        first = Self.number("HOLDFAST_SIMULATION_SEED").map { UInt64($0) } ?? 1
        count = Self.number("HOLDFAST_SIMULATION_SEEDS") ?? defaultCount
    }

    package init(first: UInt64 = 1, count: Int) {
        self.first = first
        self.count = count
    }

    private static func number(_ name: String) -> Int? {
        guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else { return nil }
        guard let number = Int(text), number >= 0 else { fatalError("\(name) is '\(text)', not a whole number") }
        return number
    }

    /// How many failures of one run are shrunk.
    private static let shrinks = 3

    /// Runs all seeds, on as many threads as there are processors.
    ///
    /// - Parameters:
    ///   - kind: makes the repository's kind for one seed.
    ///   - report: is told of each seed that failed, by one thread at a time. The first ones are shrunk.
    /// - Returns: what all seeds together came to.
    package func run(
        of kind: @escaping @Sendable () -> any RepositoryKind,
        scenario: @escaping @Sendable (UInt64) -> Scenario = { .drawn(seed: $0) },
        report: @escaping @Sendable (String) -> Void
    ) async -> Totals {
        let next = NIOLockedValueBox(0)
        let totals = NIOLockedValueBox(Totals())
        let reporting = NIOLockedValueBox(())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<max(1, ProcessInfo.processInfo.activeProcessorCount) {
                group.addTask {
                    await onThread {
                        while let place = next.withLockedValue({ next -> Int? in
                            defer { next += 1 }
                            return next < count ? next : nil
                        }) {
                            let seed = first + UInt64(place)
                            let outcome = Simulation.run(seed: seed, of: kind(), scenario: scenario(seed))
                            let failed = totals.withLockedValue { totals in
                                totals.add(outcome)
                                return totals.failed.count
                            }
                            guard outcome.violation != nil else { continue }
                            let isFirst = failed <= Self.shrinks
                            let text = outcome.report(shrunk: isFirst ? Simulation.shrunk(outcome, of: kind) : nil)
                            reporting.withLockedValue { _ in report(text) }
                        }
                    }
                }
            }
        }
        return totals.withLockedValue { $0 }
    }
}

/// Runs work on a thread of its own: simulations would block Swift's pool.
package func onThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { done in
        let thread = Thread { done.resume(returning: work()) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}

/// What many seeds came to.
package struct Totals: Sendable {
    package private(set) var seeds = 0
    package private(set) var failed: [UInt64] = []
    package private(set) var steps = 0
    package private(set) var crashes = 0
    package private(set) var counts = Ledger.Counts()
    /// Of all traces, whatever the order in which the seeds ended.
    package private(set) var digest: UInt64 = 0

    mutating func add(_ outcome: Simulation.Outcome) {
        seeds += 1
        if outcome.violation != nil { failed.append(outcome.seed) }
        steps += outcome.steps
        crashes += outcome.crashes
        counts += outcome.counts
        digest = digest &+ outcome.digest &* (2 &* outcome.seed &+ 1)
    }

    package var summary: String {
        """
        \(seeds) seeds, \(failed.count) failed; \(steps) steps, \(crashes) crashes, \(counts.commits) commits \
        (\(counts.merges) merges, \(counts.sides) sides, \(counts.prunedCommits) pruned), \(counts.forks) times more than \
        one head, \(counts.promises) promises, \(counts.restores) restores, \(counts.prunedPacks) packs pruned; \
        \(counts.damages) objects damaged, \(counts.passedOver) times a commit passed over, \(counts.fallbacks) fallbacks, \
        \(counts.lostToDamage) commits lost to damage, \(counts.lost) by the store; \
        digest \(String(digest, radix: 16))
        """
    }
}
