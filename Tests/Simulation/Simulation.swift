import ObjectStore

/// Runs a scenario to its end and checks it all the way.
package struct Simulation: Sendable {
    /// What one seed came to.
    package struct Outcome: Sendable {
        package let seed: UInt64
        package let scenario: Scenario
        package var violation: String?
        package var steps = 0
        package var counts = Ledger.Counts()
        package var crashes = 0
        /// Two runs of a seed have the same.
        package var digest: UInt64 = 0
        package var trace: [String] = []

        /// What happened, for people.
        private var story: String {
            """
            \(violation ?? "passed")
            \(scenario.summary)
            \(trace.suffix(400).map { "    " + $0 }.joined(separator: "\n"))
            """
        }

        /// What a person needs in order to repeat it.
        /// - Parameter shrunk: what the seed comes to in a smaller scenario.
        package func report(shrunk: Outcome? = nil) -> String {
            let smaller = shrunk.map { "seed \(seed) in a smaller scenario: \($0.story)\n" } ?? ""
            return """
                seed \(seed): \(story)
                \(smaller)\
                Repeat it with: HOLDFAST_SIMULATION_SEED=\(seed) HOLDFAST_SIMULATION_SEEDS=1 make test, or make simulate SEED=\(seed) SEEDS=1
                """
        }
    }

    /// More steps than any scenario needs: whoever gets there goes round in circles.
    private static let mostSteps = 50_000

    private let stage: Stage
    private let world: World
    private var ledger: Ledger
    private var outcome: Outcome
    private var machines: [Int: Machine] = [:]
    private var crashes = 0
    private var dice: Dice

    private init(seed: UInt64, kind: any RepositoryKind, scenario: Scenario) {
        stage = Stage(kind: kind, scenario: scenario, seed: seed)
        world = World(seed: seed, conditions: scenario.conditions, plan: .none)
        ledger = Ledger(kind: kind, scenario: scenario)
        outcome = Outcome(seed: seed, scenario: scenario)
        dice = Dice(seed: seed, part: 2)
    }

    /// Runs one seed on the calling thread.
    package static func run(
        seed: UInt64, of kind: any RepositoryKind, scenario: Scenario? = nil
    ) -> Outcome {
        var simulation = Simulation(seed: seed, kind: kind, scenario: scenario ?? .drawn(seed: seed))
        do throws(Violation) {
            try simulation.play()
        } catch {
            simulation.outcome.violation = error.description
        }
        let world = simulation.world
        world.tearDown()
        simulation.outcome.steps = world.steps
        simulation.outcome.counts = simulation.ledger.counts
        simulation.outcome.crashes = simulation.crashes
        simulation.outcome.digest = world.digest
        simulation.outcome.trace = world.trace
        return simulation.outcome
    }

    private mutating func play() throws(Violation) {
        if stage.scenario.history > 0 {
            _ = world.start("elder", mayCrash: false, stage.elder)
            try settle()
        }
        world.begin(stage.scenario.plan)
        for number in 1...stage.scenario.writers { startWriter("w\(number)", Machine("w\(number)")) }
        for number in 0..<stage.scenario.readers {
            _ = world.start("r\(number + 1)", mayCrash: false, skew: skew(), stage.reader)
        }
        for number in 0..<stage.scenario.pruners {
            _ = world.start("p\(number + 1)", mayCrash: true, skew: skew(), stage.pruner)
        }
        try settle()

        world.calm()
        try check()
        world.note("all faults are over")
        if stage.scenario.pruners > 0 {
            _ = world.start("janitor", mayCrash: false, stage.janitor)
            try settle()
        }
        _ = world.start("closer", mayCrash: false, stage.closer)
        try settle()
        if !world.bucket.damages.isEmpty {
            world.repair()
            try check()
            _ = world.start("healer", mayCrash: false, stage.closer)
            try settle()
        }
        try ledger.checkEnd()
        guard world.escapes == 0 else {
            throw Violation("\(world.escapes) jobs ran outside of the simulation, which cannot be repeated")
        }
    }

    /// Steps until nothing is left to happen.
    private mutating func settle() throws(Violation) {
        while true {
            world.drain()
            try check()
            guard world.step() else { return }
            try check()
            replaceCrashed()
            guard world.steps < Self.mostSteps else { throw Violation("no end after \(world.steps) steps") }
        }
    }

    private mutating func check() throws(Violation) {
        for deletion in stage.takeDeletions() { ledger.deletes(deletion) }
        let changes = world.takeChanges()
        let reports = stage.takeReports()
        if changes.isEmpty && reports.isEmpty { return }
        let bucket = world.bucket
        try ledger.check(changes, in: bucket, step: world.steps)
        for report in reports {
            switch report {
            case .promised(let promises): ledger.promise(promises)
            case .restored(let tree, let client, let work): try ledger.restored(tree, by: client, work)
            case .pulled(let client, let before, let after): try ledger.pulled(by: client, before, after)
            case .saved(let id, let files, let client): try ledger.saved(id, files, by: client)
            case .verified(let damages, let client, let work, let isCalm):
                try ledger.verified(damages, by: client, work, isCalm: isCalm)
            case .unreadable(let client):
                guard !ledger.isSomethingWhole else {
                    throw Violation("\(client) cannot restore the memory once all faults are over")
                }
            case .rollsBack(let client, let id): ledger.rollsBack(client, to: id)
            case .failed(let what): throw Violation(what)
            }
        }
        try ledger.check([], in: bucket, step: world.steps)
    }

    private mutating func startWriter(_ name: String, _ machine: Machine) {
        let id = world.start(
            name, mayCrash: true, skew: skew(), clockStops: dice.chance(300), stage.writer(machine))
        machines[id] = machine
        ledger.works(id, on: machine.name)
    }

    /// A machine whose process died starts another; one that was lost is replaced by a new machine.
    private mutating func replaceCrashed() {
        for id in machines.keys.sorted() where world.isCrashed(id) {
            guard let machine = machines.removeValue(forKey: id) else { continue }
            crashes += 1
            if dice.chance(500) {
                startWriter("\(machine.name)'", machine)
            } else {
                startWriter("n\(crashes)", Machine("n\(crashes)"))
            }
        }
    }

    /// How wrong a machine's clock is.
    private mutating func skew() -> Int64 {
        let day: Int64 = 86_400 * 1_000_000_000
        switch dice.pick(weights: [4, 3, 2, 1]) {
        case 0: return 0
        case 1: return Int64(dice.number(in: -300...300)) * 1_000_000_000
        case 2: return Int64(dice.number(in: -2...2)) * day
        default: return Int64(dice.number(in: -4000...4000)) * day
        }
    }
}
