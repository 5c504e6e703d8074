import Foundation
import Simulation

/// Runs many seeds of the simulation: `make simulate SEEDS=100000`.
@main struct Simulate {
    static func main() async {
        let range = SeedRange(defaultCount: 10_000)
        let start = ContinuousClock.now
        let totals = await range.run(of: { HoldfastKind() }) { outcome in print(outcome.report) }
        print(totals.summary)
        print("took \(ContinuousClock.now - start)")
        exit(totals.failed.isEmpty ? 0 : 1)
    }
}
