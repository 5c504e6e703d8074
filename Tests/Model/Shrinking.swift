/// Finds a shorter scenario that fails in the same way.
package struct Shrinking: Sendable {
    let options: PlayOptions
    /// So many scenarios are played at most.
    let limit: Int
    package private(set) var played = 0

    package init(_ options: PlayOptions, limit: Int = 120) { (self.options, self.limit) = (options, limit) }

    /// Leaves out steps, half of them at once at first and single ones in the end, and machines that nothing happens on.
    package mutating func shrink(_ outcome: Model.Outcome) async -> Model.Outcome {
        guard let violation = outcome.violation else { return outcome }
        var best = outcome
        // Nothing after the step at which it failed has a part in it.
        await attempt(Array(best.scenario.steps.prefix(best.step + 1)), violation, &best)
        var size = max(1, best.scenario.steps.count / 2)
        while played < limit {
            var start = 0
            var isShorter = false
            while start < best.scenario.steps.count, played < limit {
                var steps = best.scenario.steps
                steps.removeSubrange(start..<min(start + size, steps.count))
                if await attempt(steps, violation, &best) { isShorter = true } else { start += size }
            }
            if size == 1, !isShorter { break }
            if !isShorter { size = max(1, size / 2) }
        }
        return best
    }

    /// Plays the scenario with other steps, and takes it if it fails in the same way.
    @discardableResult
    private mutating func attempt(
        _ steps: [Step], _ violation: Violation, _ best: inout Model.Outcome
    ) async -> Bool {
        guard steps.count < best.scenario.steps.count else { return false }
        var scenario = best.scenario
        scenario.steps = steps
        played += 1
        let outcome = await Model.play(scenario, options)
        guard let found = outcome.violation, found.invariant == violation.invariant, found.unit == violation.unit else {
            return false
        }
        best = outcome
        return true
    }
}
