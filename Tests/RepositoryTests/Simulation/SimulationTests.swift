import Simulation
import Testing

/// The real repository in the simulated world.
///
/// A failing seed prints what happened in it, and how to run it again.
@Suite("A repository that anything may happen to") struct SimulationTests {
    @Test("keeps every promise in a thousand seeds")
    func thousandSeeds() async {
        let totals = await SeedRange(defaultCount: 1000).run(of: { HoldfastKind() }) { outcome in
            Issue.record("\(outcome.report)")
        }
        print("simulation: \(totals.summary)")
    }

    @Test("sees in these seeds what they are for")
    func isNotIdle() async {
        let totals = await SeedRange(count: 100).run(of: { HoldfastKind() }) { _ in }
        #expect(totals.counts.promises > 500)
        #expect(totals.counts.restores > 200)
        #expect(totals.counts.merges > 50)
        #expect(totals.counts.forks > 50)
        #expect(totals.counts.prunedCommits > 10)
        #expect(totals.counts.prunedPacks > 5)
        #expect(totals.crashes > 50)
    }

    @Test("does the same in the same seed")
    func repeats() {
        for seed in UInt64(1)...40 {
            let first = Simulation.run(seed: seed, of: HoldfastKind(), scenario: .drawn(seed: seed))
            let second = Simulation.run(seed: seed, of: HoldfastKind(), scenario: .drawn(seed: seed))
            #expect(first.digest == second.digest, "\(first.report)\n\(second.report)")
        }
    }

    @Test("loses nothing to a crash, whichever step it comes in", arguments: Conditions.allCases)
    func crashes(_ conditions: Conditions) {
        var scenario = Scenario.quiet(conditions)
        let steps = Simulation.run(seed: 1, of: HoldfastKind(), scenario: scenario).steps
        #expect(steps > 20)
        for step in 1...steps {
            scenario.plan.crashStep = step
            // What the crashed process had sent takes effect, or does not, or does so later: by the seed.
            for seed in UInt64(1)...3 {
                let outcome = Simulation.run(seed: seed, of: HoldfastKind(), scenario: scenario)
                #expect(outcome.violation == nil, "\(outcome.report)")
            }
        }
    }
}
