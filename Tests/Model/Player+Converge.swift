/// The end of each scenario: nothing is refused any more, all agents get the same version, all push and pull until nothing
/// changes, and then everybody must have everything.
extension Player {
    func converge() async throws {
        moment = []
        allow()
        for agent in memories.keys.sorted() {
            let group = machines.indices.filter { machines[$0].agent == agent && !isOld($0) }
            isLevel = false
            guard try await rest(group, agent) else { continue }
            try await level(group)
            guard try await rest(group, agent) else { continue }
            isLevel = true
            try await compare(group, agent)
            try await verify(agent, "end")
            try await checkMirror(group, agent)
        }
    }

    /// Brings all agents to the newest version that is there.
    private func level(_ group: [Int]) async throws {
        guard let newest = group.compactMap({ minds[$0].schema }).max() else { return }
        for machine in group where minds[machine].schema.map({ $0 < newest }) == true {
            minds[machine].schema = newest
            guard machines[machine].hasDatabase else { continue }
            _ = try AgentDatabase(machines[machine].database, schema: newest)
            minds[machine].changed = true
        }
    }

    /// Lets all push and pull until nothing is new.
    /// - Returns: whether they came to rest.
    private func rest(_ group: [Int], _ agent: String) async throws -> Bool {
        for _ in 0..<5 {
            let before = (memories[agent]?.listed.count, try group.map { try machines[$0].live().contents })
            for machine in group {
                moment = []
                try await run(.push, on: machine)
                moment = []
                try await run(minds[machine].changed ? .merge : .pull, on: machine)
            }
            let after = (memories[agent]?.listed.count, try group.map { try machines[$0].live().contents })
            if before.0 == after.0, before.1 == after.1 { return true }
        }
        if !past.contains(.damaged) {
            try report(
                Violation(
                    invariant: .restless, operation: "end",
                    text: "the machines of '\(agent)' still change after five rounds"))
        }
        return false
    }

    private func compare(_ group: [Int], _ agent: String) async throws {
        let all = group.reduce(into: memories[agent]?.tip?.known ?? []) { $0.formUnion(minds[$1].known) }
        let lives = try group.map { ($0, try machines[$0].live()) }
        for (machine, live) in lives {
            try check(live.contents, hidden: live.hidden, known: all, "end", machineName(machine))
            for unit in live.hidden.keys.sorted() where live.contents[unit] == nil && !isTainted(unit) {
                guard let content = live.hidden[unit], truth.versions(unit, in: all) == [content] else { continue }
                try report(
                    Violation(
                        invariant: .hidden, unit: unit.kind, operation: "end",
                        text: "\(machineName(machine)) has \(unit) only in the tables of an older version"),
                    about: [unit])
            }
        }
        guard let (first, reference) = lives.first, !past.contains(.damaged) else { return }
        for (machine, live) in lives.dropFirst() {
            let units = Set(reference.contents.keys).union(live.contents.keys)
                .filter { reference.contents[$0] != live.contents[$0] && !isTainted($0) }.sorted()
            guard let unit = units.first else { continue }
            try report(
                Violation(
                    invariant: .different, unit: unit.kind, operation: "end",
                    text: "\(unit) on \(machineName(first)) and \(machineName(machine))"), about: units)
        }
    }

    /// The mirror view must hold the files of the newest snapshot after a push that keeps it.
    private func checkMirror(_ group: [Int], _ agent: String) async throws {
        guard scenario.hasMirror, !past.contains(.damaged), let contents = memories[agent]?.tip?.contents,
            case let mirror = try await place.mirror(of: agent)
        else { return }
        let files = contents.filter { $0.key.isFile }
        for unit in Set(files.keys).union(mirror.keys).sorted() where files[unit] != mirror[unit] && !isTainted(unit) {
            try report(
                Violation(
                    invariant: .mirror, unit: unit.kind, operation: "end",
                    text:
                        "\(unit) is \(mirror[unit] ?? "missing") in the mirror view and must be \(files[unit] ?? "absent")"
                ),
                about: [unit])
        }
    }
}
