import TestSupport

/// Machines in front of one store, and what happens to them, as it follows from a seed.
package struct Scenario: Sendable, Equatable {
    /// Where the store is.
    package enum Place: String, Sendable, CaseIterable {
        case file
        case s3
        /// An S3 server that ignores `If-None-Match`.
        case unconditional = "s3-unconditional"
    }

    package struct MachineKind: Sendable, Equatable {
        /// The schema that its agent makes; `nil` for an agent without a database.
        package var schema: Schema?
        /// The identity whose memory the machine keeps.
        package var agent: String
    }

    package var seed: UInt64
    package var place: Place
    package var machines: [MachineKind]
    package var hasMirror: Bool
    package var steps: [Step]

    /// The scenario without the steps, on one line.
    package var head: String {
        let machines = machines.map { "\($0.agent):\($0.schema?.description ?? "none")" }.joined(separator: ",")
        return "scenario seed=\(seed) store=\(place.rawValue) machines=\(machines) mirror=\(hasMirror)"
    }

    /// All of it, one line for each step: what ``init(text:)`` reads.
    package var text: String { ([head] + steps.map(\.description)).joined(separator: "\n") + "\n" }

    /// Reads what ``text`` writes; empty lines and comments behind `#` are left out.
    package init?(text: String) {
        var lines = text.split(separator: "\n").map { $0.prefix { $0 != "#" } }
            .filter { !$0.allSatisfy(\.isWhitespace) }
        guard let head = lines.first else { return nil }
        lines.removeFirst()
        var fields: [String: String] = [:]
        for word in head.split(separator: " ").dropFirst() {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            if pair.count == 2 { fields[pair[0]] = pair[1] }
        }
        guard let seed = fields["seed"].flatMap({ UInt64($0) }),
            let place = fields["store"].flatMap(Place.init(rawValue:)),
            let mirror = fields["mirror"].flatMap({ Bool($0) })
        else { return nil }
        self.seed = seed
        self.place = place
        hasMirror = mirror
        machines = (fields["machines"] ?? "").split(separator: ",").map { word in
            let pair = word.split(separator: ":").map(String.init)
            return MachineKind(schema: pair.last.flatMap { Schema($0) }, agent: pair.first ?? "local")
        }
        steps = []
        for line in lines {
            guard let step = Step(line) else { return nil }
            steps.append(step)
        }
    }

    private init(seed: UInt64, place: Place, machines: [MachineKind], hasMirror: Bool) {
        (self.seed, self.place, self.machines, self.hasMirror) = (seed, place, machines, hasMirror)
        steps = []
    }

    /// The scenario of a seed.
    /// - Parameter places: the kinds of store that may be drawn.
    package static func drawn(seed: UInt64, places: [Place] = Place.allCases) -> Scenario {
        var dice = SeededGenerator(seed: seed)
        // The first numbers of neighbouring seeds are alike enough to be noticed.
        for _ in 0..<4 { _ = dice.next() }
        let wanted: Place = [.file, .file, .file, .file, .s3, .unconditional].randomElement(using: &dice) ?? .file
        let place = places.contains(wanted) ? wanted : places.first ?? .file
        let count = Int.random(in: 2...4, using: &dice)
        // Most memories are of agents of about one age, as in the field.
        let family: [Schema?] =
            [
                [.v1], [.v1], [.v1, .v1Idle], [.v1, .v1Idle, .v1Kinds], [.v2], [.v2, .v2Viewed], [.v1, .v2],
                [nil, .v1],
            ].randomElement(using: &dice) ?? [.v1]
        let hasBot = count > 2 && Int.random(in: 0..<4, using: &dice) == 0
        let machines = (0..<count).map { number in
            MachineKind(
                schema: family.randomElement(using: &dice) ?? .v1,
                agent: hasBot && number == count - 1 ? "bot" : "local")
        }
        var scenario = Scenario(
            seed: seed, place: place, machines: machines, hasMirror: Bool.random(using: &dice))
        var draw = Draw(scenario: scenario, dice: dice)
        scenario.steps = draw.steps()
        return scenario
    }
}
