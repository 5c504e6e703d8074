import Foundation
import Model
import Testing

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
