import TestSupport
import Testing

@Suite("The command, killed", .timeLimit(.minutes(20)))
struct CrashLoopTests {
    static let kills = 200

    /// A directory, and a server on which a commit is decided by create-if-absent.
    static let places: [Place] =
        [.directory] + TestServerKind.selected(where: \.honoursConditionalPut).prefix(1).map { .server($0) }

    @Test(
        "200 pushes and pulls killed at any moment leave a whole memory, and lose nothing that was acknowledged",
        arguments: places)
    func crashLoop(_ place: Place) async throws {
        let random = SeededGenerator.forTest()
        try await place.run { sandbox in
            var loop = try await CrashLoop(sandbox, random)
            while loop.figures.kills < Self.kills {
                try await loop.killPush()
                try await loop.killPull()
                // Most runs must really be killed, or the moments are wrong.
                try #require(loop.figures.attempts < 2 * Self.kills, "seed \(random.seed): \(loop.figures)")
            }
            try await loop.finish()
            print("crash loop, \(place.testDescription): \(loop.figures)")
            // The moments are spread over the whole run, so some of the kills hit each part of it.
            // A kill between the first object and the commit is rare where both are quick; either side of it must be met.
            #expect(loop.figures.halfWritten + loop.figures.committed > 0, "seed \(random.seed): \(loop.figures)")
            #expect(loop.figures.staged > 0, "seed \(random.seed): \(loop.figures)")
        }
    }
}
