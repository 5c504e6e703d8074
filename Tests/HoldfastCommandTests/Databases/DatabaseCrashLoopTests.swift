import TestSupport
import Testing

@Suite("The command, killed while it saves or restores a database", .timeLimit(.minutes(5)))
struct DatabaseCrashLoopTests {
    static let kills = 40

    @Test("leaves the database of the agent as it is or complete, 40 times, and no copy of it anywhere")
    func crashLoop() async throws {
        let random = SeededGenerator.forTest()
        try await Sandbox.run { sandbox in
            var loop = try await DatabaseCrashLoop(sandbox, random)
            while loop.figures.kills < Self.kills {
                try await loop.killPush()
                try await loop.killPull()
                try #require(loop.figures.attempts < 3 * Self.kills, "seed \(random.seed): \(loop.figures)")
            }
            try await loop.finish()
            print("database crash loop: \(loop.figures)")
            // The moments are spread over the whole run, so some of the kills hit each part of it.
            #expect(loop.figures.staged > 0, "seed \(random.seed): \(loop.figures)")
        }
    }
}
