import Foundation
import TestSupport
import Testing

@testable import Model

/// Random scenarios of several machines with the built command.
@Suite("The model", .timeLimit(.minutes(10)))
struct ModelScenarioTests {
    /// The command lies beside the test bundle.
    private static var binary: String {
        let bundle = Bundle.main.executableURL?.deletingLastPathComponent() ?? URL(fileURLWithPath: ".build/debug")
        return bundle.appendingPathComponent("holdfast").path
    }

    /// Fixed, so that a change is judged by the same scenarios as the one before; `make model` draws others.
    static let seeds: [UInt64] = {
        let seeds = Array(UInt64(1)...25)
        print("model: seeds \(seeds.map(String.init).joined(separator: " "))")
        return seeds
    }()

    @Test("The clock of a machine is as wrong as it is told to be", arguments: [-86_400 * 365, 86_400 * 365])
    func clock(seconds: Int) async throws {
        try await withTemporaryDirectory("model", inMemory: true) { folder in
            let place = StorePlace.embedded(in: folder.appendingPathComponent("store"))
            var machine = AgentMachine(
                number: 0, agent: "local", folder: folder.appendingPathComponent("m0"), store: place.settings,
                binary: Self.binary, runner: place.runner)
            machine.clock = seconds
            try machine.setUp()
            try machine.write("notes", "text", time: 0)
            #expect(try await machine.run(["push", "--json"]).succeeded)
            machine.clock = 0
            let log = try await machine.run(["log", "--json"])
            let time = try #require(log.json["snapshots"].array?.first?["time"].string)
            let year = Calendar(identifier: .gregorian).component(
                .year, from: Date(timeIntervalSinceNow: Double(seconds)))
            #expect(time.hasPrefix("\(year)-"))
        }
    }

    @Test("Nothing is lost but by known faults", arguments: seeds)
    func scenario(seed: UInt64) async throws {
        let options = PlayOptions(binary: Self.binary)
        let outcome = await Model.play(.drawn(seed: seed), options)
        for (fault, hit) in outcome.faults.sorted(by: { $0.key < $1.key }) {
            print("model: seed \(seed): known fault \(fault), \(hit.count) times")
        }
        if outcome.passed { return }
        var shrinking = Shrinking(options, limit: 40)
        let shorter = await shrinking.shrink(outcome)
        Issue.record("\(shorter.report)")
    }
}
