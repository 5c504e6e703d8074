import TestSupport

/// What must hold after a step.
extension Player {
    func memory(of machine: Int) -> StoredMemory { memories[machines[machine].agent]! }

    /// Checks contents against the changes that they come from.
    func check(
        _ contents: Contents, hidden: Contents = [:], known: Set<Int>, _ operation: String, _ place: String
    ) throws {
        let hurt = past.contains(.damaged) ? hurtUnits : []
        for fault in truth.faults(contents, known: known) where !isTainted(fault.unit) {
            // An older agent's tables keep what the newer ones lack.
            if fault.kind == .lost, let kept = hidden[fault.unit], fault.allowed.contains(kept) { continue }
            if try waits(fault) { continue }
            // Only a snapshot that cannot be read knows of the deletion: who cannot tell keeps the unit.
            if fault.kind == .revived, hurt.contains(fault.unit) { continue }
            // It may come from a snapshot of which only another part is damaged.
            if fault.kind == .unknown, past.contains(.damaged), truth.isVersion(fault.content ?? "", of: fault.unit) {
                continue
            }
            let invariant: Violation.Invariant =
                switch fault.kind {
                case .lost: .lost
                case .revived: .revived
                case .outdated: .outdated
                case .unknown: .unknown
                }
            try report(
                Violation(
                    invariant: invariant, unit: fault.unit.kind, operation: operation, text: "\(place): \(fault.words)"),
                about: [fault.unit])
        }
    }

    /// Whether a row waits for an agent to be updated: a database of 1.x has no place for sessions of 2.x, nor one of 2.x for
    /// those of 1.x that it has not taken over. Somebody must have it until then.
    private func waits(_ fault: Truth.Fault) throws -> Bool {
        guard isApart, !fault.unit.isFile, fault.kind == .lost || fault.kind == .outdated else { return false }
        let lives = try machines.map { try $0.live() }
        return fault.allowed.compactMap(\.self).contains { content in
            memories.values.contains { $0.holds(content, of: fault.unit) }
                || lives.contains { $0.contents[fault.unit] == content || $0.hidden[fault.unit] == content }
        }
    }

    func check(_ live: AgentMachine.Live, on machine: Int, _ operation: String) throws {
        for defect in live.defects where defects.insert(defect.text).inserted {
            try report(
                Violation(
                    invariant: .defect, unit: defect.table, operation: operation,
                    text: "\(machineName(machine)): \(defect.text)"))
        }
        try check(
            live.contents, hidden: live.hidden, known: minds[machine].known, operation, machineName(machine))
    }

    /// Lists the snapshots again, and checks the new ones.
    /// - Parameters:
    ///   - makers: what those who may have made them know, of which what explains a snapshot best is taken.
    ///   - mayRemove: whether snapshots may be gone.
    ///   - mustFit: whether each new head must hold what one of the makers knows.
    @discardableResult
    func observe(
        _ agent: String, makers: [Set<Int>], _ operation: String, mayRemove: Bool = false,
        mustFit: Bool = true
    ) async throws -> [String] {
        guard var memory = memories[agent] else { return [] }
        let headsBefore = memory.heads
        let listing = try await memory.list()
        defer { memories[agent] = memory }
        if let failure = listing.failure {
            if !past.contains(.damaged) {
                try report(Violation(invariant: .exit, operation: "log", text: failure.words))
            }
            return []
        }
        if let gone = listing.gone.first, !mayRemove, !past.contains(.damaged) {
            try report(
                Violation(
                    invariant: .vanished, operation: operation,
                    text: "snapshot \(gone.prefix(12)) is not listed any more"))
        }
        for new in listing.new {
            if options.isVerbose { print("  new", new.id.prefix(8), new.number, new.parents.map { $0.prefix(8) }) }
            if new.parents.count > 1 { past.insert(.merged) }
            try await memory.add(new)
            guard let snapshot = memory.snapshots[new.id] else { continue }
            guard let contents = snapshot.contents else {
                // A machine that has most of it may be able to restore it all the same.
                memory.learn(new.id, makers.last ?? [])
                memories[agent] = memory
                try report(
                    Violation(
                        invariant: .unreadable, operation: operation,
                        text: "snapshot \(new.id.prefix(12)), just made: \(snapshot.refusal ?? "")"))
                continue
            }
            var choices = makers.map { snapshot.known.union($0) }
            if !memory.heads.contains(new.id) {
                // What is kept beside for the losers of a conflict has some of them, and is otherwise as one of the heads.
                let others = headsBefore.reduce(into: Set<Int>()) { $0.formUnion(memory.snapshots[$1]?.known ?? []) }
                choices += choices.map { $0.union(others) }
            }
            func faults(_ known: Set<Int>) -> Int {
                // What a snapshot has tells more of who made it than what it lacks.
                truth.faults(contents, known: known).filter { !isTainted($0.unit) }
                    .reduce(0) { sum, fault in
                        let isKnown = fault.content.map { truth.isVersion($0, of: fault.unit, in: known) } ?? true
                        return sum + (isKnown ? 1 : 1000)
                    }
            }
            // The last one of those that explain it best.
            let known = choices.reversed().min { faults($0) < faults($1) } ?? snapshot.known
            memory.learn(new.id, known)
            if options.isVerbose { print("  knows", memory.snapshots[new.id]?.known.sorted() ?? []) }
            guard mustFit, memory.heads.contains(new.id) else { continue }
            memories[agent] = memory
            try check(contents, known: known, operation, "snapshot \(new.id.prefix(12))")
        }
        return listing.new.map(\.id)
    }

    /// Checks that all that a machine has is in the snapshot that a command says it made.
    /// - Parameter own: the changes that no snapshot had before.
    func acknowledge(_ id: String?, _ machine: Int, own: Set<Int>, _ operation: String) throws {
        let agent = machines[machine].agent
        guard let id, let snapshot = memories[agent]?.snapshots[id], memories[agent]?.listed.contains(id) == true else {
            guard !minds[machine].known.isEmpty else { return }
            return try report(
                Violation(
                    invariant: .unreachable, operation: operation,
                    text: "snapshot \(id?.prefix(12) ?? "null") of \(machineName(machine)) is in no listing"))
        }
        let known = minds[machine].known
        minds[machine].changed = false
        minds[machine].base = id
        minds[machine].savedBehind = !snapshot.known.isSubset(of: known)
        memories[agent]?.learn(id, known)
        if let contents = snapshot.contents {
            try check(contents, known: snapshot.known.union(known), operation, "snapshot \(id.prefix(12))")
        }
        // That one was reported already.
        if snapshot.contents == nil { return }
        for unit in truth.units(in: own) where !isTainted(unit) {
            for number in truth.latest(unit, in: known) where own.contains(number) {
                guard let content = truth.events[number].content else { continue }
                if memory(of: machine).holds(content, of: unit) { continue }
                try report(
                    Violation(
                        invariant: .unreachable, unit: unit.kind, operation: operation,
                        text: "\(unit) of \(machineName(machine)), '\(content.prefix(60))', is in no snapshot"),
                    about: [unit])
            }
        }
    }

    /// Checks what `status` says of a machine that is in step with the newest snapshot, or that the store is ahead.
    func checkStatus(_ machine: Int, _ operation: String) async throws {
        guard !isRefusing, !past.contains(.damaged), !isOld(machine), let tip = memory(of: machine).tip else { return }
        // Whoever has units that nothing is expected of may differ in them.
        guard minds[machine].known == tip.known, !minds[machine].changed, !minds[machine].savedBehind else { return }
        let live = try machines[machine].live()
        guard let contents = tip.contents, live.contents == contents else { return }
        let run = try await machines[machine].run(["status", "--json"])
        let (local, newer) = (run.json["local"], run.json["newerInStore"].bool)
        guard run.code == 0, local["identical"].bool == true, newer != true else {
            let different = ["added", "changed", "removed"].flatMap { local[$0].array ?? [] }
            let named = different.compactMap { $0["path"].string }.filter { $0 != ".version" }
            if named.isEmpty, run.code == 0, newer != true { return }
            let isDatabase = newer != true && named.count == 1 && named[0].hasSuffix("opencode.db")
            return try report(
                Violation(
                    invariant: .status, unit: isDatabase ? "database" : nil, operation: operation,
                    text: "\(machineName(machine)) is the same as the newest snapshot; status: newer in the store: "
                        + "\(newer.map(String.init) ?? "unknown"), different: \(named)"))
        }
    }

    /// Checks that `verify --read-data` finds damage exactly if there is any.
    func verify(_ agent: String, _ operation: String) async throws {
        guard let memory = memories[agent], !memory.listed.isEmpty else { return }
        let run = try await memory.probe.run(["verify", "--read-data", "--json"])
        let unreadable = memory.listed.filter { memory.snapshots[$0]?.contents == nil }
        if past.contains(.damaged) {
            if run.code == 0, let first = unreadable.first {
                try report(
                    Violation(
                        invariant: .verify, operation: operation,
                        text:
                            "verify finds nothing, and snapshot \(first.prefix(12)) cannot be restored: \(memory.snapshots[first]?.refusal ?? "")"
                    ))
            }
        } else if run.code != 0 {
            try report(Violation(invariant: .verify, operation: operation, text: run.words + " " + run.out.prefix(600)))
        }
    }
}
