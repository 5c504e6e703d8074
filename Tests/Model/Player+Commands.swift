import Foundation
import TestSupport

/// The commands, and what each may do.
extension Player {
    /// Notes what is so when a command starts.
    private func observeMoment(_ machine: Int) {
        let (known, memory) = (minds[machine].known, memory(of: machine))
        if let tip = memory.tip, !tip.known.isSubset(of: known) {
            moment.insert(.concurrent)
            if minds[machine].changed { moment.insert(.bothChanged) }
        }
        if minds[machine].savedBehind { moment.insert(.savedBehind) }
        if let base = minds[machine].base, !memory.listed.contains(base) { moment.insert(.basePruned) }
    }

    /// The changes of a machine that no snapshot of its memory has.
    private func unsaved(_ machine: Int) -> Set<Int> { minds[machine].known.subtracting(memory(of: machine).known) }

    /// Whether a failure is explained by what was done to the store.
    private var isTroubled: Bool { isRefusing || past.contains(.damaged) }

    /// Whether a machine of the version before says that the store is of a newer format.
    private func isTooOld(_ run: Finished, _ machine: Int) -> Bool {
        isOld(machine) && run.errorCode == "format-too-new"
    }

    private func expectUntouched(_ before: AgentMachine.Live, _ machine: Int, _ operation: String) throws {
        let after = try machines[machine].live()
        guard after.contents != before.contents || after.hidden != before.hidden else { return }
        let units = Set(before.contents.keys).union(after.contents.keys)
            .filter { before.contents[$0] != after.contents[$0] }.sorted()
        try report(
            Violation(
                invariant: .touched, unit: units.first?.kind, operation: operation,
                text: "\(machineName(machine)): \(units.prefix(3).map(\.description).joined(separator: ", "))"),
            about: units)
    }

    // MARK: Push

    func push(_ verb: Step.Verb, on machine: Int) async throws {
        observeMoment(machine)
        let operation = verb.words
        let before = try machines[machine].live()
        let own = unsaved(machine)
        if verb == .push { try await checkChanges(machine, before) }
        let transfer = beforeTransfer(machine, before, own: own)
        var run = try await machines[machine].run(verb.arguments)
        // What was held back once may count as known to the store.
        let known = minds[machine].known
        let removes = truth.units(in: known).contains { truth.versions($0, in: known).contains(nil) }
        if removes, run.errorCode.contains("shrink"), verb != .save {
            run = try await machines[machine].run(verb.arguments + ["--allow-shrink"])
        }
        try await finishPush(run, machine, own: own, before, transfer, operation)
    }

    private func finishPush(
        _ run: Finished, _ machine: Int, own: Set<Int>, _ before: AgentMachine.Live, _ transfer: BeforeTransfer,
        _ operation: String
    ) async throws {
        excuseHeld(run.json, machine)
        try expectUntouched(before, machine, operation)
        try await observe(machines[machine].agent, makers: [minds[machine].known], operation)
        guard run.succeeded else {
            // Somebody who has nothing is asked first, or pulls.
            let mayStop = run.errorCode.contains("shrink") && before.files == 0
            if isTroubled || mayStop || isTooOld(run, machine) { return }
            return try report(Violation(invariant: .exit, operation: operation, text: run.words))
        }
        // A save may have left the store alone.
        if operation == "save", run.json["store"].string != "saved", isTroubled { return }
        try acknowledge(run.json["snapshot"].string, machine, own: own, operation)
        // The rows may be the same, but not yet the image.
        if run.json["merged"].bool == true { minds[machine].savedBehind = true }
        try await checkCounters(run, machine, transfer, moved: transfer.new, operation)
        try await checkStatus(machine, operation)
    }

    func pushBoth(_ first: Int, _ second: Int) async throws {
        guard first != second, machines[first].agent == machines[second].agent else { return }
        try observeSchemas(first)
        try observeSchemas(second)
        let schemas = try [first, second].map { try machines[$0].live().schema }
        if let one = schemas[0], let other = schemas[1], one != other {
            moment.insert(.schemasDiffer)
            past.insert(.schemasDiffered)
        }
        observeMoment(first)
        observeMoment(second)
        moment.insert(.concurrent)
        let before = (try machines[first].live(), try machines[second].live())
        let own = (unsaved(first), unsaved(second))
        let (left, right) = (machines[first], machines[second])
        async let one = left.run(Step.Verb.push.arguments)
        async let two = right.run(Step.Verb.push.arguments)
        let runs = try await (one, two)
        try expectUntouched(before.0, first, "both")
        try expectUntouched(before.1, second, "both")
        excuseHeld(runs.0.json, first)
        excuseHeld(runs.1.json, second)
        let (here, there) = (minds[first].known, minds[second].known)
        try await observe(machines[first].agent, makers: [[], here, there, here.union(there)], "both")
        for (run, machine, own) in [(runs.0, first, own.0), (runs.1, second, own.1)] {
            if run.succeeded {
                try acknowledge(run.json["snapshot"].string, machine, own: own, "both")
                if run.json["merged"].bool == true { minds[machine].savedBehind = true }
            } else if run.code != 75, !isTroubled, !isTooOld(run, machine), !run.errorCode.contains("shrink") {
                try report(Violation(invariant: .exit, operation: "both", text: run.words))
            }
        }
    }

    // MARK: Pull

    func pull(_ verb: Step.Verb, on machine: Int) async throws {
        observeMoment(machine)
        if verb == .force { past.insert(.forced) }
        let before = try machines[machine].live()
        let own = unsaved(machine)
        let transfer = beforeTransfer(machine, before, own: own)
        var run = try await machines[machine].run(verb.arguments)
        var isRepeated = false
        if run.code == 75, run.errorCode.contains("shrink") {
            // What is new was brought at once.
            isRepeated = true
            run = try await machines[machine].run(verb.arguments + ["--allow-shrink"])
        }
        try await finishPull(run, verb, machine, own: own, before, transfer, countsAll: !isRepeated)
    }

    private func finishPull(
        _ run: Finished, _ verb: Step.Verb, _ machine: Int, own: Set<Int>, _ before: AgentMachine.Live,
        _ transfer: BeforeTransfer, countsAll: Bool = true
    ) async throws {
        excuseHeld(run.json, machine)
        guard run.succeeded else {
            // A state that cannot be used is put aside.
            if verb == .restore, isTroubled { return try await adopt(machine, before) }
            try expectUntouched(before, machine, verb.words)
            let mayStop = verb == .pull && run.code == 75 && minds[machine].changed
            if isTroubled || mayStop || isTooOld(run, machine) { return }
            return try report(Violation(invariant: .exit, operation: verb.words, text: run.words))
        }
        try settle(run.json["snapshot"].string, machine, own: own, before, verb.words)
        let after = try machines[machine].live().contents.filter(\.key.isFile)
        // What a pull has fetched before it was killed, or held something back, is not fetched again.
        let changed = after.count { transfer.files[$0.key] != $0.value }
        let moved = past.contains(.killed) || !countsAll ? nil : changed...changed
        try await checkCounters(run, machine, transfer, moved: moved, verb.words)
        try await checkStatus(machine, verb.words)
    }

    /// Takes what is on a machine for what it knows, after a command that may have put its state aside.
    private func adopt(_ machine: Int, _ before: AgentMachine.Live) async throws {
        let after = try machines[machine].live()
        try checkNothingGone(before, after, machine, own: minds[machine].known, "restore")
        guard after.contents != before.contents else { return }
        minds[machine].known = []
        for (unit, content) in after.contents.sorted(by: { $0.key < $1.key }) {
            truth.change(unit, to: content, known: &minds[machine].known)
        }
    }

    /// Checks what a command that brings a snapshot here made of a machine.
    /// - Parameters:
    ///   - own: the changes that no snapshot had before.
    ///   - followed: a snapshot of another memory that was added as well.
    ///   - work: what the agent did meanwhile.
    /// - Returns: what the machine knew after each of these.
    @discardableResult
    func settle(
        _ id: String?, _ machine: Int, own: Set<Int>, _ before: AgentMachine.Live, _ operation: String,
        followed: StoredMemory.Snapshot? = nil, work: [Work] = []
    ) throws -> [Set<Int>] {
        let after = try machines[machine].live()
        try checkNothingGone(before, after, machine, own: own, operation)
        let pulled = id.flatMap { memory(of: machine).snapshots[$0] }?.known ?? []
        if moment.contains(.bothChanged) { past.insert(.merged) }
        retract(minds[machine].known.subtracting(pulled), pulled, after, machine, operation)
        minds[machine].known.formUnion(pulled)
        var stages = [minds[machine].known]
        if let followed {
            adopt(followed, after, machine)
            stages.append(minds[machine].known)
        }
        for work in work {
            note(work, on: machine)
            stages.append(minds[machine].known)
        }
        if let schema = after.schema { minds[machine].schema = max(minds[machine].schema ?? schema, schema) }
        try check(after, on: machine, operation)
        let tip = memory(of: machine).snapshots[id ?? ""]?.contents
        minds[machine].changed = tip != after.contents
        minds[machine].base = id ?? minds[machine].base
        minds[machine].savedBehind = false
        return stages
    }

    /// Checks that each version that was only here is still here, kept beside, or in a snapshot.
    /// - Parameter own: the changes that no snapshot had.
    private func checkNothingGone(
        _ before: AgentMachine.Live, _ after: AgentMachine.Live, _ machine: Int, own: Set<Int>, _ operation: String
    ) throws {
        var beside: [String]?
        for (unit, content) in before.contents.sorted(by: { $0.key < $1.key }) where after.contents[unit] != content {
            if isTainted(unit) || after.hidden[unit] == content { continue }
            guard own.contains(where: { truth.events[$0].unit == unit && truth.events[$0].content == content }) else {
                continue
            }
            if memories.values.contains(where: { $0.holds(content, of: unit) }) { continue }
            let kept = try beside ?? machines[machine].keptBeside()
            beside = kept
            if kept.contains(where: { $0.contains(content) }) { continue }
            try report(
                Violation(
                    invariant: .gone, unit: unit.kind, operation: operation,
                    text: "\(machineName(machine)): \(unit), '\(content.prefix(60))', is neither here nor in the store"),
                about: [unit])
        }
    }

    /// Takes back changes that a pull may undo: all of them with `--force`, the losers of conflicts when it merges, and
    /// the removal of a file that was not saved.
    private func retract(
        _ own: Set<Int>, _ pulled: Set<Int>, _ after: AgentMachine.Live, _ machine: Int, _ operation: String
    ) {
        var returned: Set<String> = []
        // A session comes before what belongs to it: if it returns, so may that.
        for unit in truth.units(in: own).sorted() {
            let offered = truth.versions(unit, in: pulled)
            guard offered.contains(after.contents[unit]) || (offered.isEmpty && after.contents[unit] == nil) else {
                continue
            }
            for number in truth.latest(unit, in: minds[machine].known) where own.contains(number) {
                let event = truth.events[number]
                guard event.content != after.contents[unit] else { continue }
                let isConflict = !truth.latest(unit, in: pulled).allSatisfy(event.before.contains)
                let mayGo =
                    operation == "force" || (unit.isFile && event.content == nil)
                    || (operation != "pull" && isConflict)
                    || (event.content == nil && unit.session.map(returned.contains) == true)
                guard mayGo else { continue }
                if case .session(let id) = unit, event.content == nil { returned.insert(id) }
                minds[machine].known.remove(number)
                // What led to it was never saved either.
                for earlier in event.before.intersection(own)
                where truth.events[earlier].content != after.contents[unit] {
                    minds[machine].known.remove(earlier)
                }
            }
        }
    }

    /// Notes what a machine took over from another memory.
    private func adopt(_ followed: StoredMemory.Snapshot, _ after: AgentMachine.Live, _ machine: Int) {
        for (unit, content) in followed.contents ?? [:] where after.contents[unit] == content {
            for number in truth.latest(unit, in: followed.known) where truth.events[number].content == content {
                minds[machine].known.insert(number)
                minds[machine].known.formUnion(truth.events[number].before)
            }
        }
    }

    // MARK: Watch

    /// Watches while the agent writes; what it wrote must be in the store at the end.
    func watch(_ machine: Int, follows other: String?) async throws {
        if isTroubled || isOld(machine) { return }
        let operation = other == nil ? "watch" : "follow"
        observeMoment(machine)
        let before = try machines[machine].live()
        let own = unsaved(machine)
        let followed = other.flatMap { memories[$0]?.tip }
        if let schema = followed?.schema, let here = before.schema, schema != here {
            moment.insert(.schemasDiffer)
            past.insert(.schemasDiffered)
        }
        if other != nil { past.insert(.followed) }
        let tip = memory(of: machine).tip?.id
        let work = other == nil ? try writing(machine) : []
        let wanted = followed?.contents?.keys.filter { truth.latest($0, in: minds[machine].known).isEmpty } ?? []
        let (place, edits) = (machines[machine], work.map(\.apply))
        let options = other.map { ["--follow", $0, "--poll-interval", "1s"] } ?? []
        let run = try await machines[machine].watch(options) {
            if !wanted.isEmpty {
                // If it never happens, the check says what is missing.
                try? await eventually("all is followed", within: .seconds(6)) {
                    let here = try place.live().contents
                    return wanted.allSatisfy { here[$0] != nil }
                }
            }
            for edit in edits { try edit() }
        }
        guard run.succeeded else {
            return try report(Violation(invariant: .exit, operation: operation, text: run.words))
        }
        for result in run.json["memories"].array ?? [] { excuseHeld(result, machine) }
        let stages = try settle(
            tip, machine, own: own, before, operation, followed: followed, work: work)
        try await observe(machines[machine].agent, makers: stages, operation, mustFit: false)
        let saved = run.json["memories"].array?.first?["snapshot"].string
        try acknowledge(saved, machine, own: minds[machine].known.subtracting(stages[0]), operation)
        let live = try machines[machine].live()
        for unit in wanted.sorted() where !isTainted(unit) && live.contents[unit] == nil {
            try report(
                Violation(
                    invariant: .lost, unit: unit.kind, operation: operation,
                    text: "\(machineName(machine)) does not get \(unit) of the memory that it follows"),
                about: [unit])
        }
        try await checkStatus(machine, operation)
    }

    /// What an agent writes under watch: nothing that the start of the watch could bring too.
    private func writing(_ number: Int) throws -> [Work] {
        let machine = machines[number]
        let (path, content) = ("watched/\(truth.events.count).json", "<\(scenario.seed).\(truth.events.count) watched>")
        let file = Work(
            apply: { try machine.write(path, content, time: 0) }, changes: [(.file(path), content)])
        return [file] + [try work(number, .start(messages: 1))].compactMap(\.self)
    }

    /// Follows the memory of the other identity, if there is one.
    func follow(_ machine: Int) async throws {
        let own = machines[machine].agent
        guard let other = memories.keys.first(where: { $0 != own }) else { return }
        try await watch(machine, follows: other)
    }

    // MARK: Others

    /// Kills a command; a pull is then run again, since what it left is anybody's guess before.
    func kill(_ verb: Step.Verb, on machine: Int, percent: Int) async throws {
        try observeSchemas(machine)
        observeMoment(machine)
        past.insert(.killed)
        let usual = durations[verb.words.prefix { $0 != " " }.description] ?? durations["push"] ?? .milliseconds(60)
        let time = usual * percent / 100
        let before = try machines[machine].live()
        let own = unsaved(machine)
        let transfer = beforeTransfer(machine, before, own: own)
        let run = try await machines[machine].run(verb.arguments, killedAfter: max(time, .milliseconds(1)))
        guard run.code == Finished.killed else {
            switch verb {
            case .push, .pushBare, .save: try await finishPush(run, machine, own: own, before, transfer, verb.words)
            case .prune(let keep): try await finishPrune(run, machine, keep: keep)
            default: try await finishPull(run, verb, machine, own: own, before, transfer)
            }
            return
        }
        switch verb {
        case .prune:
            try await observe(machines[machine].agent, makers: [[]], "prune", mayRemove: true)
            try await verify(machines[machine].agent, "killed prune")
        case .push, .pushBare, .save:
            try expectUntouched(before, machine, "killed push")
            // It may have come as far as to note what it merged.
            if moment.contains(.concurrent) { minds[machine].savedBehind = true }
            try await observe(machines[machine].agent, makers: [minds[machine].known], "killed push")
        default:
            let again = try await machines[machine].run(verb.arguments)
            try await finishPull(again, verb, machine, own: own, before, transfer)
        }
    }

    func rollback(_ machine: Int, back: Int) async throws {
        observeMoment(machine)
        let agent = machines[machine].agent
        let before = try machines[machine].live()
        let (heads, tip) = (memory(of: machine).heads.count, memory(of: machine).tip)
        guard memory(of: machine).counted.count > back else { return }
        let run = try await machines[machine].run(Step.Verb.rollback(back: back).arguments)
        try expectUntouched(before, machine, "rollback")
        guard run.code == 0, let old = run.json["rolledBackTo"].string, let new = run.json["snapshot"].string,
            let target = memory(of: machine).snapshots[old]
        else {
            try await observe(agent, makers: [[]], "rollback")
            if isTroubled || isTooOld(run, machine) { return }
            return try report(Violation(invariant: .exit, operation: "rollback", text: run.words))
        }
        past.insert(.rolledBack)
        // What it makes of the newest snapshot: changes by somebody who knew all of that.
        var known = memory(of: machine).heads.reduce(into: Set<Int>()) {
            $0.formUnion(memory(of: machine).snapshots[$1]?.known ?? [])
        }
        if let wanted = target.contents, let now = tip?.contents {
            for unit in Set(wanted.keys).union(now.keys).union(truth.units(in: known)).sorted()
            where truth.versions(unit, in: known) != [wanted[unit]] {
                truth.change(unit, to: wanted[unit], known: &known)
            }
        }
        try await observe(agent, makers: [known], "rollback", mustFit: heads < 2)
        if heads < 2, let wanted = target.contents, let made = memory(of: machine).snapshots[new]?.contents {
            let differs = Set(wanted.keys).union(made.keys).filter { wanted[$0] != made[$0] && !isTainted($0) }.sorted()
            if let first = differs.first {
                try report(
                    Violation(
                        invariant: .different, unit: first.kind, operation: "rollback",
                        text: "the new snapshot differs from the old one in \(first)"), about: differs)
            }
        }
    }

    func prune(_ machine: Int, keep: Int) async throws {
        let run = try await machines[machine].run(Step.Verb.prune(keep: keep).arguments)
        try await finishPrune(run, machine, keep: keep)
    }

    private func finishPrune(_ run: Finished, _ machine: Int, keep: Int) async throws {
        let agent = machines[machine].agent
        let (before, heads) = (memory(of: machine).counted, memory(of: machine).heads)
        try await observe(agent, makers: [[]], "prune", mayRemove: true)
        let kept = memory(of: machine).listed
        if !Set(before).isSubset(of: kept) { past.insert(.pruned) }
        if !past.contains(.damaged) {
            let missing = (before.prefix(keep) + heads).filter { !kept.contains($0) }
            if let first = missing.first {
                try report(
                    Violation(
                        invariant: .vanished, operation: "prune",
                        text: "snapshot \(first.prefix(12)) is one of the newest \(keep) or a head, and is gone"))
            }
            if run.code != 0, !isRefusing, !isTooOld(run, machine) {
                try report(Violation(invariant: .exit, operation: "prune", text: run.words))
            }
        }
        try await verify(agent, "prune")
    }

    /// Damages an object, and finds out what can be restored without it.
    func damage(_ damage: Step.Damage, _ object: Int) async throws {
        guard try await place.damage(damage, object) else { return }
        past.insert(.damaged)
        for agent in memories.keys.sorted() {
            let before = memory(named: agent).listed
            try await observe(agent, makers: [[]], "damage", mayRemove: true)
            let gone = Set(before).subtracting(memory(named: agent).listed)
            memories[agent]?.hidden.formUnion(gone)
            for id in memory(named: agent).listed { try await memories[agent]?.read(id) }
        }
    }

    private func memory(named agent: String) -> StoredMemory { memories[agent]! }
}
