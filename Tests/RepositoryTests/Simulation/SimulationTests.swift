import Simulation
import Testing

/// The real repository in the simulated world.
///
/// A failing seed prints what happened in it, and how to run it again.
@Suite("A repository that anything may happen to") struct SimulationTests {
    @Test("keeps every promise in a thousand seeds, or in those that the environment names")
    func thousandSeeds() async {
        let totals = await SeedRange(defaultCount: 1000).run(of: { HoldfastKind() }) { report in
            Issue.record("\(report)")
        }
        print("simulation: \(totals.summary)")
        // A simulation in which nothing happens would pass as well.
        guard totals.seeds >= 100 else { return }
        #expect(totals.counts.promises > 5 * totals.seeds)
        #expect(totals.counts.restores > 2 * totals.seeds)
        #expect(2 * totals.counts.merges > totals.seeds)
        #expect(2 * totals.counts.forks > totals.seeds)
        #expect(10 * totals.counts.prunedCommits > totals.seeds)
        #expect(10 * totals.counts.prunedPacks > totals.seeds)
        #expect(2 * totals.crashes > totals.seeds)
        #expect(4 * totals.counts.damages > totals.seeds)
        #expect(10 * totals.counts.passedOver > totals.seeds)
        #expect(20 * totals.counts.fallbacks > totals.seeds)
        #expect(10 * totals.counts.sides > totals.seeds)
    }

    @Test(
        "keeps every promise in the seeds in which it once failed",
        arguments: [767, 1943, 2507, 2777, 3110, 3777, 8077, 8221, 9592, 15170, 23965, 24865, 32687, 40728] as [UInt64])
    func oldFaults(_ seed: UInt64) async {
        let outcome = await onThread { Simulation.run(seed: seed, of: HoldfastKind(), scenario: .drawn(seed: seed)) }
        #expect(outcome.violation == nil, "\(outcome.report())")
    }

    @Test("does the same in the same seed")
    func repeats() async {
        for seed in UInt64(1)...20 {
            let runs = await onThread {
                (0..<2).map { _ in Simulation.run(seed: seed, of: HoldfastKind(), scenario: .drawn(seed: seed)) }
            }
            #expect(runs[0].digest == runs[1].digest, "\(runs[0].report())\n\(runs[1].report())")
        }
    }

    @Test("sees all of a history that is longer than one listing", arguments: UInt64(1)...4)
    func longHistory(_ seed: UInt64) async {
        var scenario = Scenario.drawn(seed: seed)
        scenario.history = 110
        let outcome = await onThread { [scenario] in
            Simulation.run(seed: seed, of: HoldfastKind(), scenario: scenario)
        }
        #expect(outcome.violation == nil, "\(outcome.report())")
        #expect(outcome.counts.commits > 110)
    }

    @Test("loses nothing to a crash, whichever step it comes in", arguments: Conditions.allCases)
    func crashes(_ conditions: Conditions) async {
        let failed = await onThread {
            var scenario = Scenario.quiet(conditions)
            let steps = Simulation.run(seed: 1, of: HoldfastKind(), scenario: scenario).steps
            var failed: [String] = steps > 20 ? [] : ["the scenario ends before anything can happen"]
            for step in 1...steps {
                scenario.plan.crashStep = step
                // What the crashed process had sent takes effect, or does not, or does so later: by the seed.
                for seed in UInt64(1)...2 {
                    let outcome = Simulation.run(seed: seed, of: HoldfastKind(), scenario: scenario)
                    if outcome.violation != nil { failed.append(outcome.report()) }
                }
            }
            return failed
        }
        #expect(failed.isEmpty, "\(failed.joined(separator: "\n"))")
    }
}
