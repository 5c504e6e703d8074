import Basics
import TestSupport
import Testing

@Suite("The command, killed", .timeLimit(.minutes(20)))
struct CrashLoopTests {
    static let kills = 200
    /// So many memories share the kills: `verify` reads the whole history after each of them.
    static let memories = 4

    /// A directory, and a server on which a commit is decided by create-if-absent.
    static let places: [Place] =
        [.directory] + TestServerKind.selected(where: \.honoursConditionalPut).prefix(1).map { .server($0) }

    @Test(
        "200 pushes and pulls killed at any moment leave a whole memory, and lose nothing that was acknowledged",
        arguments: places)
    func crashLoop(_ place: Place) async throws {
        var random = SeededGenerator.forTest()
        let seed = random.seed
        let figures = try await withThrowingTaskGroup { group in
            for _ in 0..<Self.memories {
                let random = SeededGenerator(seed: random.next())
                group.addTask { try await loop(place, random, kills: Self.kills / Self.memories) }
            }
            return try await group.reduce(into: CrashLoop.Figures()) { $0 += $1 }
        }
        print("crash loop, \(place.testDescription): \(figures)")
        #expect(figures.kills >= Self.kills)
        // The moments are spread over the whole run, so some of the kills hit each part of it.
        // A kill between the first object and the commit is rare where both are quick; either side of it must be met.
        #expect(figures.halfWritten + figures.committed > 0, "seed \(seed): \(figures)")
        #expect(figures.staged > 0, "seed \(seed): \(figures)")
    }

    private func loop(_ place: Place, _ random: SeededGenerator, kills: Int) async throws -> CrashLoop.Figures {
        try await place.run(inMemory: true) { sandbox in
            var loop = try await CrashLoop(sandbox, random)
            while loop.figures.kills < kills {
                try await loop.killPush()
                try await loop.killPull()
                // Most runs must really be killed, or the moments are wrong.
                try #require(loop.figures.attempts < 2 * kills, "seed \(random.seed): \(loop.figures)")
            }
            try await loop.finish()
            return loop.figures
        }
    }
}
