/// What many scenarios came to, for people.
package struct Report: Sendable {
    package private(set) var played = 0
    package private(set) var failed: [UInt64] = []
    private var faults: [String: (count: Int, seeds: Set<UInt64>)] = [:]

    package init() {}

    package mutating func add(_ outcome: Model.Outcome) {
        played += 1
        if !outcome.passed { failed.append(outcome.scenario.seed) }
        for (name, hit) in outcome.faults {
            faults[name, default: (0, [])].count += hit.count
            faults[name, default: (0, [])].seeds.insert(outcome.scenario.seed)
        }
    }

    /// One line for each known fault, also for those that nothing was seen of: they may be mended.
    package var summary: String {
        let names = KnownFault.all.map(\.name)
        let lines = (names + faults.keys.filter { !names.contains($0) }.sorted()).map { name in
            let hit = faults[name]
            let seeds = (hit?.seeds ?? []).sorted().prefix(8).map(String.init).joined(separator: " ")
            let found = hit.map { "\($0.count) times in \($0.seeds.count) scenarios (seeds \(seeds))" } ?? "not seen"
            return "  \(name): \(found)"
        }
        let result =
            "\(played) scenarios, \(failed.count) failed"
            + (failed.isEmpty ? "" : ": seeds \(failed.map(String.init).joined(separator: " "))")
        return ([result] + (lines.isEmpty ? [] : ["known faults:"] + lines)).joined(separator: "\n")
    }
}

extension Model.Outcome {
    /// What a person needs in order to understand and repeat it.
    package var report: String {
        let steps = scenario.text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        let reason = trouble ?? violation?.description ?? "passed"
        return """
            seed \(scenario.seed): \(reason)
            at step \(step + 1) of:
            \(steps)
            Repeat it with: make model SEED=\(scenario.seed); or write these steps to a file: make model REPLAY=FILE
            """
    }
}
