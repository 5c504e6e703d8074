import NIOConcurrencyHelpers
import ObjectStore

private let second: Int64 = 1_000_000_000

extension Stage {
    /// An agent at work: it writes files, and saves them now and then.
    func writer(_ machine: Machine) -> @Sendable (ClientWorld) async -> Void {
        { client in
            var dice = Dice(seed: seed, part: 2000 + UInt64(client.id))
            let repository = open(client)
            do {
                for _ in 0..<scenario.rounds {
                    try await client.sleep(nanoseconds: think(&dice))
                    if dice.chance(machine.now.unsaved.isEmpty ? 600 : 200) {
                        _ = await pull(machine, repository, client)
                    }
                    if dice.chance(scenario.rollbacks) { await rollBack(repository, client, dice.word()) }
                    work(machine, client, &dice)
                    for _ in 0..<3 {
                        if await save(machine, repository, client) { break }
                        try await client.sleep(nanoseconds: think(&dice))
                    }
                }
            } catch {
                return  // The simulation is over.
            }
        }
    }

    /// An agent that has been at work for long.
    func elder(_ client: ClientWorld) async {
        let machine = Machine(client.name)
        let repository = open(client)
        for _ in 0..<scenario.history {
            machine.write("shared/0", at: client.wallClock)
            _ = await save(machine, repository, client)
        }
    }

    /// Someone who restores into an empty directory.
    func reader(_ client: ClientWorld) async {
        var dice = Dice(seed: seed, part: 2000 + UInt64(client.id))
        let repository = open(client)
        do {
            for _ in 0..<(2 * scenario.rounds) {
                try await client.sleep(nanoseconds: think(&dice))
                await attempt("restores", client) {
                    guard let tree = try await repository.restore([:], base: nil) else { return "nothing" }
                    report(.restored(tree, by: client.name, client.circumstances))
                    return String(tree.id.prefix(8))
                }
                if dice.chance(100) { await verify(repository, client) }
            }
        } catch {
            return
        }
    }

    func pruner(_ client: ClientWorld) async {
        var dice = Dice(seed: seed, part: 2000 + UInt64(client.id))
        let repository = open(client)
        do {
            for _ in 0..<(scenario.isAboutPruning ? 100 : 3 * scenario.rounds) {
                let wait =
                    if scenario.isAboutPruning {
                        Int64(dice.number(in: 1...7200)) * second
                    } else {
                        dice.chance(500) ? scenario.settings.grace * 11 / 10 : think(&dice)
                    }
                try await client.sleep(nanoseconds: wait)
                await attempt("prunes", client) {
                    try await repository.prune()
                    return "done"
                }
            }
        } catch {
            return
        }
    }

    /// Prunes for days in which nobody saves, whatever is left over of forks.
    func janitor(_ client: ClientWorld) async {
        let repository = open(client)
        for _ in 0..<3 {
            await attempt("prunes", client) {
                try await repository.prune()
                return "done"
            }
            do { try await client.sleep(nanoseconds: scenario.settings.grace * 11 / 10) } catch { return }
        }
    }

    /// Faults are over, and a new machine joins. Some objects may still be damaged.
    func closer(_ client: ClientWorld) async {
        let machine = Machine(client.name)
        let repository = open(client)
        if !(await pull(machine, repository, client)) { report(.unreadable(client.name)) }
        machine.writeMarker(at: client.wallClock)
        // Merges may still fail by chance.
        var attempts = 0
        while !(await save(machine, repository, client)) {
            attempts += 1
            guard attempts < 20 else { return report(.failed("nothing can be saved once all faults are over")) }
        }
        guard await verify(repository, client, isCalm: true) else {
            return report(.failed("the memory cannot be verified once all faults are over"))
        }
    }

    private func think(_ dice: inout Dice) -> Int64 {
        switch dice.pick(weights: scenario.isAboutPruning ? [1, 2, 3] : [6, 3, 1]) {
        case 0: Int64(dice.number(in: 0...3)) * second
        case 1: Int64(dice.number(in: 1...3600)) * second
        default: Int64(dice.number(in: 1...40)) * 3600 * second
        }
    }

    private func work(_ machine: Machine, _ client: ClientWorld, _ dice: inout Dice) {
        if dice.chance(scenario.isAboutPruning ? 100 : 900) { machine.writeMarker(at: client.wallClock) }
        if dice.chance(scenario.isAboutPruning ? 900 : 500) {
            machine.write("shared/\(dice.number(in: 0...2))", at: client.wallClock)
        }
        let paths = machine.now.files.keys.sorted()
        if !paths.isEmpty, dice.chance(scenario.copies) {
            machine.copyToMarker(dice.pick(paths), at: client.wallClock)
        }
        if !paths.isEmpty, dice.chance(200) {
            let path = dice.pick(paths)
            let deletion = Deletion(machine: machine.name, path: path, contents: machine.delete(path))
            deletions.withLockedValue { $0.append(deletion) }
            client.note("deletes \(path) here")
        }
    }

    private func pull(_ machine: Machine, _ repository: any RepositoryUnderTest, _ client: ClientWorld) async -> Bool {
        await attempt("pulls", client) {
            let before = machine.now
            guard let tree = try await repository.restore(before.files, base: before.base) else { return "nothing" }
            report(.restored(tree, by: client.name, client.circumstances))
            report(.pulled(by: client.name, before: before.files, after: tree.result))
            machine.pulled(tree)
            return String(tree.id.prefix(8))
        }
    }

    private func save(_ machine: Machine, _ repository: any RepositoryUnderTest, _ client: ClientWorld) async -> Bool {
        let state = machine.now
        return await attempt("saves", client) {
            let saved = try await repository.save(state.files, base: state.base) { machine.remember($0) }
            machine.saved(saved)
            report(.saved(id: saved.id, state.files, by: client.name))
            report(
                .promised(
                    state.unsaved.sorted().compactMap { path in
                        state.files[path].map {
                            Ledger.Promise(
                                path: path, content: $0.content, client: client.name,
                                isMarker: path.hasPrefix("marker/"))
                        }
                    }))
            return String(saved.id.prefix(8))
        }
    }

    @discardableResult
    private func verify(_ repository: any RepositoryUnderTest, _ client: ClientWorld, isCalm: Bool = false) async
        -> Bool
    {
        await attempt("verifies", client) {
            let damages = try await repository.verify()
            report(.verified(damages, by: client.name, client.circumstances, isCalm: isCalm))
            return "\(damages.count) damaged"
        }
    }

    private func rollBack(_ repository: any RepositoryUnderTest, _ client: ClientWorld, _ word: UInt64) async {
        await attempt("rolls back", client) {
            try await repository.rollBack { ids in
                guard !ids.isEmpty else { return nil }
                let id = ids[Int(word % UInt64(ids.count))]
                report(.rollsBack(client.id, to: id))
                return id
            }
            return "done"
        }
        report(.rollsBack(client.id, to: nil))
    }

    @discardableResult
    private func attempt(
        _ what: String, _ client: ClientWorld, _ work: () async throws -> String
    ) async -> Bool {
        client.note("\(what)")
        client.startsWork()
        do {
            let result = try await work()
            client.note("\(what): \(result)")
            return true
        } catch {
            client.note("\(what) in vain: \(error)")
            return false
        }
    }
}
