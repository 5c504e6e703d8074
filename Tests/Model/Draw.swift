import TestSupport

/// Draws the steps of a scenario.
struct Draw {
    let scenario: Scenario
    var dice: SeededGenerator
    private var isRefusing = false
    private var damages = 0

    init(scenario: Scenario, dice: SeededGenerator) {
        (self.scenario, self.dice) = (scenario, dice)
    }

    /// Something to begin with on the first machine, which the others mostly get, then fifteen to thirty steps.
    mutating func steps() -> [Step] {
        var steps: [Step] = [
            .edit(0, .write(file: 0, time: 0)), .edit(0, .write(file: 1, time: 0)), .edit(0, .start(messages: 2)),
            .edit(0, .start(messages: 1)), .command(0, .push),
        ]
        for machine in scenario.machines.indices.dropFirst() where chance(70) {
            steps.append(.command(machine, .pull))
        }
        for _ in 0..<number(15...30) { steps += next() }
        return steps
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }
    private mutating func chance(_ percent: Int) -> Bool { number(0...99) < percent }
    private mutating func machine() -> Int { number(0...scenario.machines.count - 1) }

    /// Seconds from now: mostly none; else a clock that is wrong.
    private mutating func time() -> Int {
        switch number(0...9) {
        case 0: -86_400 * number(1...1000)
        case 1: 86_400 * number(1...1000)
        case 2: -number(1...300)
        default: 0
        }
    }

    private mutating func next() -> [Step] {
        switch number(0...99) {
        case 0..<34: [.edit(machine(), edit())]
        case 34..<78: [.command(machine(), verb())]
        case 78..<84:
            // What is typical: something is done and saved.
            { machine in [.edit(machine, edit()), .edit(machine, edit()), .command(machine, .push)] }(machine())
        case 84..<90: [.kill(machine(), killed(), percent: number(1...105))]
        case 90..<95: both()
        case 95..<97: [.clock(machine(), seconds: clock())]
        default: trouble()
        }
    }

    /// How wrong a clock is: by minutes, by days, by years, or right again.
    private mutating func clock() -> Int {
        switch number(0...5) {
        case 0: 0
        case 1, 2: number(-600...600)
        case 3, 4: 86_400 * number(-60...60)
        default: 86_400 * number(-4000...4000)
        }
    }

    private mutating func edit() -> Step.Edit {
        switch number(0...99) {
        case 0..<24: .write(file: number(0...9), time: time())
        case 24..<32: .remove(file: number(0...9))
        case 32..<36: .touch(file: number(0...9), time: time())
        case 36..<54: .start(messages: number(1...3))
        case 54..<76: .say(session: number(0...9), time: time())
        case 76..<82: .retitle(session: number(0...9), time: time())
        case 82..<93: .drop(session: number(0...9))
        case 93..<97: .upgrade
        case 97..<99: .forget
        default: .lose
        }
    }

    private mutating func verb() -> Step.Verb {
        switch number(0...99) {
        case 0..<32: .push
        case 32..<38: .pushBare
        case 38..<42: .save
        case 42..<60: .pull
        case 60..<72: .merge
        case 72..<76: .force
        case 76..<82: .restore
        case 82..<87: .watch
        case 87..<92: .follow
        case 92..<96: .rollback(back: number(1...4))
        default: .prune(keep: number(1...4))
        }
    }

    private mutating func killed() -> Step.Verb {
        switch number(0...9) {
        case 0..<5: .push
        case 5..<8: .merge
        default: .prune(keep: number(1...4))
        }
    }

    private mutating func both() -> [Step] {
        let first = machine()
        let others = scenario.machines.indices.filter {
            $0 != first && scenario.machines[$0].agent == scenario.machines[first].agent
        }
        guard let second = others.randomElement(using: &dice) else { return [] }
        return [.edit(first, edit()), .edit(second, edit()), .both(first, second)]
    }

    private mutating func trouble() -> [Step] {
        if isRefusing {
            isRefusing = false
            return [.allow]
        }
        // Where something is damaged, less can be expected of all that comes later.
        if damages == 0, chance(30) {
            damages += 1
            return [.damage(Step.Damage.allCases.randomElement(using: &dice) ?? .losePack, object: number(0...9))]
        }
        isRefusing = true
        let refusal = Step.Refusal(
            method: ["GET", "GET", "PUT", "any"].randomElement(using: &dice) ?? "GET",
            part: ["packs", "packs", "commits", "/"].randomElement(using: &dice) ?? "packs",
            status: [403, 423, 503].randomElement(using: &dice) ?? 403)
        return [.refuse(refusal)]
    }
}
