import Foundation
import Simulation

/// Runs many seeds of the simulation: `make simulate SEEDS=100000`.
@main struct Simulate {
    static func main() async {
        let range = SeedRange(defaultCount: 10_000)
        let start = ContinuousClock.now
        let totals = await range.run(of: { HoldfastKind() }) { report in print(report) }
        print(totals.summary)
        let time = ContinuousClock.now - start
        print("took \(time), \(Int(Double(totals.seeds) / max(0.001, time / .seconds(1)))) seeds a second")
        exit(totals.failed.isEmpty ? 0 : 1)
    }
}
