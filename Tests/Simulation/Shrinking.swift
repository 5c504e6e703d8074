extension Simulation {
    /// Runs of smaller scenarios before the smallest so far has to do.
    private static let tries = 200

    /// Makes a scenario that fails smaller, one thing at a time, as long as the seed fails in it in the same way.
    /// - Parameter kind: makes the repository's kind for one run.
    /// - Returns: what the seed comes to in the smallest one that was found.
    package static func shrunk(_ outcome: Outcome, of kind: () -> any RepositoryKind) -> Outcome {
        var best = outcome
        var tries = Self.tries
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            for reduce in Scenario.reductions {
                var scenario = best.scenario
                reduce(&scenario)
                if scenario == best.scenario { continue }
                guard tries > 0 else { return best }
                tries -= 1
                let next = run(seed: outcome.seed, of: kind(), scenario: scenario)
                guard next.failure == outcome.failure else { continue }
                best = next
                isSmaller = true
            }
        }
        return best
    }
}

extension Simulation.Outcome {
    /// The violation without what it is about.
    fileprivate var failure: [Substring]? {
        violation?.split(separator: " ").filter { word in
            !word.contains { $0.isNumber || $0 == "/" || $0 == "'" }
        }
    }
}

extension Scenario {
    /// Ways to make a scenario smaller; those that change nothing do not apply.
    fileprivate static let reductions: [@Sendable (inout Scenario) -> Void] = [
        { $0.plan.damage = 0 }, { $0.plan.loss = 0 }, { $0.plan.refusal = 0 }, { $0.plan.refusedListing = 0 },
        { $0.plan.lostRequest = 0 },
        { $0.plan.lostAnswer = 0 }, { $0.plan.lateEffect = 0 }, { $0.plan.delayedAnswer = 0 }, { $0.plan.conflict = 0 },
        { $0.plan.ownSuccessTaken = 0 }, { $0.plan.serverError = 0 }, { $0.plan.throttled = 0 },
        { $0.plan.cutShort = 0 },
        { $0.plan.wrongByte = 0 }, { $0.plan.partialDelete = 0 }, { $0.plan.deniedList = 0 },
        { $0.plan.missingIsDenied = false }, { $0.plan.crash = 0 }, { $0.plan.pause = 0 }, { $0.history = 0 },
        { $0.rollbacks = 0 }, { $0.copies = 0 }, { $0.settings.merging = .never }, { $0.settings.mostPacks = 100 },
        { $0.readers = max(0, $0.readers - 1) }, { $0.pruners = max(0, $0.pruners - 1) },
        { $0.writers = max(1, $0.writers - 1) }, { $0.rounds = max(1, $0.rounds - 1) },
        { $0.plan.damages = max(1, $0.plan.damages - 1) },
    ]
}
