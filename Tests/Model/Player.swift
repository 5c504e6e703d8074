import Foundation
import TestSupport

/// Plays one scenario with the built command, and holds what it finds against the truth.
final class Player {
    let scenario: Scenario
    let folder: URL
    let options: PlayOptions
    let place: StorePlace

    var machines: [AgentMachine]
    var minds: [Mind]
    var memories: [String: StoredMemory] = [:]
    var truth = Truth()
    /// What happened so far and may explain what comes later.
    var past: Set<Violation.Circumstance> = []
    /// What is so at this step.
    var moment: Set<Violation.Circumstance> = []
    var isRefusing = false
    /// All agents of the group that is looked at have got the same version.
    var isLevel = false
    /// How long each command takes when nothing disturbs it.
    var durations: [String: Duration] = [:]
    var hits: [Hit] = []
    /// Defects of databases that were reported.
    var defects: Set<String> = []
    /// The number of the step that is being played.
    var step = 0
    private var taintedSessions: Set<String> = []
    private var taintedFiles: Set<Unit> = []

    /// A known fault that showed itself.
    struct Hit {
        let fault: String
        let step: Int
        let violation: Violation
    }

    /// What is known of a machine.
    struct Mind {
        /// The changes that what it holds comes from.
        var known: Set<Int> = []
        /// It changed since it was last the same as a snapshot, if only by a migration.
        var changed = false
        /// The snapshot that it was last synchronised with.
        var base: String?
        /// Its last push found the store ahead of it, and nothing was pulled since.
        var savedBehind = false
        /// The schema that its agent brings a database to; `nil` as long as it has none.
        var schema: Schema?
    }

    init(_ scenario: Scenario, _ options: PlayOptions, in folder: URL, at place: StorePlace) {
        (self.scenario, self.options, self.folder, self.place) = (scenario, options, folder, place)
        func machine(_ number: Int, _ name: String, _ agent: String, _ store: [String: String]) -> AgentMachine {
            AgentMachine(
                number: number, agent: agent, folder: folder.appendingPathComponent(name), store: store,
                binary: number == 1 ? options.oldBinary ?? options.binary : options.binary,
                runner: number < 0 ? [] : place.runner)
        }
        var settings = place.settings
        settings["HOLDFAST_MIRROR"] = "\(scenario.hasMirror)"
        machines = scenario.machines.enumerated().map { machine($0, "m\($0)", $1.agent, settings) }
        minds = scenario.machines.map { Mind(schema: $0.schema) }
        for agent in Set(scenario.machines.map(\.agent)) {
            memories[agent] = StoredMemory(probe: machine(-1, "probe-\(agent)", agent, place.direct))
        }
        if scenario.place == .unconditional { past.insert(.unconditional) }
    }

    /// Plays all steps, then lets all machines push and pull until they rest.
    /// - Throws: ``Violation`` if one is of no known fault.
    func play() async throws {
        for machine in machines { try machine.setUp() }
        for (number, next) in scenario.steps.enumerated() {
            step = number
            guard next.machines.allSatisfy(machines.indices.contains) else { continue }
            moment = []
            if options.isVerbose { print("step \(number): \(next)") }
            try await play(next)
        }
        step = scenario.steps.count
        try await converge()
    }

    private func play(_ step: Step) async throws {
        switch step {
        case .edit(let machine, let edit): try change(machine, edit)
        case .command(let machine, let verb): try await run(verb, on: machine)
        case .kill(let machine, let verb, let percent): try await kill(verb, on: machine, percent: percent)
        case .both(let first, let second): try await pushBoth(first, second)
        case .clock(let machine, let seconds):
            machines[machine].clock = seconds
            if seconds != 0 { past.insert(.wrongClock) }
        case .damage(let damage, let object): try await self.damage(damage, object)
        case .refuse(let refusal):
            isRefusing = place.refuse(refusal)
            if isRefusing { past.insert(.refused) }
        case .allow: allow()
        }
    }

    func allow() {
        _ = place.refuse(nil)
        isRefusing = false
    }

    func run(_ verb: Step.Verb, on machine: Int) async throws {
        try observeSchemas(machine)
        let start = ContinuousClock.now
        switch verb {
        case .push, .pushBare, .save: try await push(verb, on: machine)
        case .pull, .merge, .force, .restore: try await pull(verb, on: machine)
        case .watch: try await watch(machine, follows: nil)
        case .follow: try await follow(machine)
        case .rollback(let back): try await rollback(machine, back: back)
        case .prune(let keep): try await prune(machine, keep: keep)
        }
        durations[verb.words.prefix { $0 != " " }.description] = ContinuousClock.now - start
    }

    // MARK: Violations

    /// Notes a violation of a known fault, and goes on without the units that it is about; any other ends the scenario.
    func report(_ violation: Violation, about units: [Unit] = []) throws {
        var violation = violation
        violation.circumstances.formUnion(moment.union(past))
        if past.contains(.damaged), !hurtUnits.isDisjoint(with: units) { violation.circumstances.insert(.inDamage) }
        let fault = violation.fault?.name
        guard options.explores || (fault != nil && options.unmasked != fault) else { throw violation }
        hits.append(Hit(fault: fault ?? violation.signature, step: step, violation: violation))
        for unit in units { taint(unit) }
    }

    /// What snapshots knew of that cannot be read any more.
    var hurtUnits: Set<Unit> {
        truth.units(in: memories.values.reduce(into: []) { $0.formUnion($1.knownToHurt) })
    }

    private func taint(_ unit: Unit) {
        if let session = unit.session { taintedSessions.insert(session) } else { taintedFiles.insert(unit) }
    }

    /// Where a command holds removals back, nothing is expected any more of what was deleted anywhere.
    func excuseHeld(_ result: JSONValue, _ machine: Int) {
        guard result["heldBack"] != .null else { return }
        let known = minds[machine].known.union(memory(of: machine).known)
        for unit in truth.units(in: known) where truth.versions(unit, in: known).contains(nil) { taint(unit) }
    }

    /// Whether nothing is expected of a unit any more.
    func isTainted(_ unit: Unit) -> Bool {
        unit.session.map { taintedSessions.contains($0) } ?? taintedFiles.contains(unit)
    }

    /// Whether a machine runs the version before.
    func isOld(_ machine: Int) -> Bool { machine == 1 && options.oldBinary != nil }

    /// Whether some agents are of 1.x still and others of 2.x.
    var isApart: Bool {
        !isLevel && past.contains(.isSecond) && minds.contains { $0.schema.map { $0 < .v2 } == true }
    }

    func machineName(_ machine: Int) -> String { "machine \(machine)" }
}

/// How scenarios are played.
package struct PlayOptions: Sendable {
    /// The built command.
    package var binary: String
    /// The command of the version before, which the second machine runs; `nil` for none. It may stop because the store is
    /// of a newer format, and must then leave all as it is.
    package var oldBinary: String?
    /// A known fault that counts as unknown, in order to find a short way to it.
    package var unmasked: String?
    /// Goes on after violations of no known fault, in order to see all that are there.
    package var explores = false
    /// Prints each step and the snapshots that come of it.
    package var isVerbose = false

    package init(binary: String) { self.binary = binary }
}
