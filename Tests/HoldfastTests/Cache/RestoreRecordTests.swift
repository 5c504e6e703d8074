import Repository
import Testing

@testable import Holdfast

@Suite("The restore that a commit tells of")
struct RestoreRecordTests {
    private func memory(_ fixture: Fixture, _ machine: String, _ run: Commit.Run?) -> Memory {
        var memory = fixture.memory(machine)
        memory.options.run = run
        return memory
    }

    @Test("A save in a workflow run says what came of the restore in the same run")
    func outcome() async throws {
        try await Fixture.with { fixture in
            let run = Commit.Run(id: "7", attempt: "1")
            let restored = await memory(fixture, "a", run).restore(RestoreRequest(store: .s3, cache: nil))
            #expect(restored.status == .miss)
            for (now, expected) in [
                (run, Commit.Run.Restore(status: "miss", reason: "absent")), (Commit.Run(id: "7", attempt: "2"), nil),
                (Commit.Run(id: "8", attempt: "1"), nil),
            ] as [(Commit.Run, Commit.Run.Restore?)] {
                try fixture.write(["state.json": "\(now)"])
                let memory = memory(fixture, "a", now)
                #expect(await memory.push().success)
                let saved = try #require(try await memory.repository.heads().tip?.commit.run)
                #expect(saved.id == now.id && saved.attempt == now.attempt)
                #expect(saved.restore == expected)
            }
        }
    }
}
