import Testing

@testable import Model

@Suite("Scenarios of the model as text")
struct ScenarioTextTests {
    @Test("A drawn scenario is read back as it was written", arguments: UInt64(1)...200)
    func roundTrip(seed: UInt64) {
        let scenario = Scenario.drawn(seed: seed)
        #expect(Scenario(text: scenario.text) == scenario)
        #expect(Scenario.drawn(seed: seed) == scenario)
    }

    @Test("Comments and empty lines are left out")
    func comments() throws {
        let text = """
            # found on a Monday
            scenario seed=3 store=file machines=local:v1,bot:none mirror=true

            0 start 2  # a session
            1 kill 50 prune 2
            refuse GET packs 403
            1 clock -3600
            """
        let scenario = try #require(Scenario(text: text))
        #expect(
            scenario.steps == [
                .edit(0, .start(messages: 2)), .kill(1, .prune(keep: 2), percent: 50),
                .refuse(Step.Refusal(method: "GET", part: "packs", status: 403)), .clock(1, seconds: -3600),
            ])
        #expect(scenario.machines.map(\.schema) == [.v1, nil])
    }

    @Test(
        "A line that is no step is no scenario",
        arguments: [
            "0 write", "0 write x 1", "x", "0 kill push", "damage nothing 1", "0 both", "0 pull 3", "0 clock",
            "clock 5",
        ])
    func wrong(line: String) {
        #expect(Step(line) == nil)
        #expect(Scenario(text: "scenario seed=3 store=file machines=local:v1 mirror=true\n\(line)") == nil)
    }
}
