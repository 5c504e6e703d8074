import Simulation
import Testing

/// A harness that finds nothing proves nothing.
@Suite("The simulation of a naive repository") struct NaiveRepositoryTests {
    @Test("finds each mistake within a few hundred seeds", arguments: Mistake.allCases)
    func findsMistakes(_ mistake: Mistake) async throws {
        let found = await onThread {
            (UInt64(1)...300).lazy.compactMap { seed in
                Simulation.run(
                    seed: seed, of: NaiveKind(mistake: mistake),
                    scenario: .forNaive(seed: seed, isAboutDamage: mistake.isAboutDamage)
                )
                .violation
            }.first
        }
        let violation = try #require(found)
        #expect(mistake.words.contains { violation.contains($0) }, "it was found for another reason: \(violation)")
    }

    /// Without damage: the naive repository is short rather than safe, and keeps its promises only where nothing is damaged.
    @Test("finds nothing where there is no mistake")
    func passesWithoutMistake() async {
        let totals = await SeedRange(count: 150).run(
            of: { NaiveKind() }, scenario: { .forNaive(seed: $0, isAboutDamage: false) }
        ) {
            report in
            Issue.record("\(report)")
        }
        #expect(totals.counts.promises > 400)
    }
}

extension Mistake {
    /// What a violation says that comes from this mistake.
    fileprivate var words: [String] {
        switch self {
        case .mutableHead: ["is in no head"]
        case .mergesNothing: ["is in no head", "which nobody has deleted"]
        case .takenMeansMine: ["is in no head", "is unreachable", "which nobody has deleted", "was saved by"]
        case .overwrites, .trustsConditions: ["was changed"]
        case .commitsFirst, .prunesAtOnce: ["is missing", "needs it"]
        case .verifiesNothing: ["its files are not those of the commit"]
        case .stopsAtDamage: ["nothing can be saved", "cannot restore the memory"]
        case .damagedIsAncestor: ["is in no head, and is none"]
        case .refusedIsDamaged: ["which it is not", "and it is not", "was whole"]
        case .unknownIsContained: ["disappeared", "was saved by", "which nobody has deleted"]
        case .prunesBesideDamage: ["needs it"]
        case .pullsOver: ["disappeared"]
        }
    }
}

extension Scenario {
    /// What the naive repository was made for: it keeps all commits.
    fileprivate static func forNaive(seed: UInt64, isAboutDamage: Bool) -> Scenario {
        var scenario = Scenario.drawn(seed: seed)
        scenario.settings.keepLast = nil
        scenario.rollbacks = 0
        scenario.copies = 0
        scenario.history = 0
        (scenario.plan.damage, scenario.plan.refusal) = isAboutDamage ? (15, 10) : (0, 0)
        if !isAboutDamage { scenario.plan.refusedListing = 0 }
        return scenario
    }
}
