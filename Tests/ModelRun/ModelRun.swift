import Foundation
import Model

/// Plays many scenarios: `make model SEEDS=1..200`, `SEED=7`, `REPLAY=FILE`.
@main struct ModelRun {
    static func main() async {
        do {
            let request = try Request(ProcessInfo.processInfo.environment)
            exit(await request.run() ? 0 : 1)
        } catch {
            print("model: \(error)")
            exit(64)
        }
    }
}

/// What the environment asks for.
private struct Request {
    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    let options: PlayOptions
    let scenarios: [Scenario]
    let width: Int
    let shrinks: Bool

    init(_ environment: [String: String]) throws {
        func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func number<Number: LosslessStringConvertible>(_ text: String, _ type: Number.Type) throws -> Number {
            guard let number = Number(text) else { throw Wrong(description: "'\(text)' is not a whole number") }
            return number
        }
        let beside = Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent("holdfast").path
        let binary = text("HOLDFAST_BINARY") ?? beside ?? "holdfast"
        guard FileManager.default.isExecutableFile(atPath: binary) else {
            throw Wrong(description: "'\(binary)' is not there; build it, or name it in HOLDFAST_BINARY")
        }
        var options = PlayOptions(binary: binary)
        options.unmasked = text("MODEL_FAULT")
        options.oldBinary = text("MODEL_OLD_BINARY")
        options.isVerbose = text("MODEL_VERBOSE") == "yes"
        options.explores = text("MODEL_EXPLORE") == "yes"
        if let fault = options.unmasked, !KnownFault.all.contains(where: { $0.name == fault }) {
            throw Wrong(
                description: "'\(fault)' is no known fault: \(KnownFault.all.map(\.name).joined(separator: ", "))")
        }
        self.options = options
        width = try text("MODEL_WIDTH").map { try number($0, Int.self) } ?? 2
        shrinks = text("MODEL_SHRINK") != "no"
        if let file = text("MODEL_REPLAY") {
            guard let scenario = Scenario(text: try String(contentsOfFile: file, encoding: .utf8)) else {
                throw Wrong(description: "'\(file)' holds no scenario")
            }
            scenarios = [scenario]
            return
        }
        let places = try text("MODEL_STORES").map { names in
            try names.split(separator: ",").map { name in
                guard let place = Scenario.Place(rawValue: String(name)) else {
                    throw Wrong(description: "'\(name)' is no kind of store")
                }
                return place
            }
        }
        let range = text("MODEL_SEED") ?? text("MODEL_SEEDS") ?? "1..25"
        let ends = range.components(separatedBy: "..")
        let last = try number(ends[ends.count - 1], UInt64.self)
        // One number of seeds starts at 1; one seed is itself.
        let first = ends.count == 2 ? try number(ends[0], UInt64.self) : text("MODEL_SEED") == nil ? 1 : last
        guard first <= last else { throw Wrong(description: "'\(range)' is no range") }
        scenarios = (first...last).map { Scenario.drawn(seed: $0, places: places ?? Scenario.Place.allCases) }
    }

    /// Plays all, so many at once, and prints what fails with as few steps as it takes.
    /// - Returns: whether none failed.
    func run() async -> Bool {
        let start = ContinuousClock.now
        var report = Report()
        await withTaskGroup(of: Model.Outcome.self) { group in
            var waiting = scenarios[...]
            func next() {
                guard let scenario = waiting.popFirst() else { return }
                group.addTask { [self] in await play(scenario) }
            }
            for _ in 0..<max(1, width) { next() }
            for await outcome in group {
                report.add(outcome)
                next()
            }
        }
        print(report.summary)
        print("took \(ContinuousClock.now - start)")
        return report.failed.isEmpty
    }

    private func play(_ scenario: Scenario) async -> Model.Outcome {
        let outcome = await Model.play(scenario, options)
        for (fault, hit) in outcome.faults.sorted(by: { $0.key < $1.key }) {
            print("seed \(scenario.seed): known fault \(fault), \(hit.count) times, first: \(hit.first)")
        }
        guard !outcome.passed else { return outcome }
        print(outcome.report)
        guard shrinks, outcome.violation != nil else { return outcome }
        var shrinking = Shrinking(options)
        let shorter = await shrinking.shrink(outcome)
        print("shrunk, after \(shrinking.played) scenarios:\n\(shorter.report)")
        return outcome
    }
}
