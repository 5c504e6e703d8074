import Foundation
import TestSupport
import Testing

@Suite("Many machines push at once", .timeLimit(.minutes(20)))
struct RaceTests {
    @Test("After 20 rounds of 8 processes that push at once, every change of each is there", arguments: Place.all)
    func differentFiles(_ place: Place) async throws {
        var random = SeededGenerator.forTest()
        try await place.run(inMemory: true) { sandbox in
            var race = try await Race(sandbox, seed: random.seed, files: ["shared": "shared"])
            for round in 0..<20 {
                try await race.pull(some: &random)
                for machine in race.machines.indices {
                    try race.write("\(machine)/new-\(round)", "new \(random.next())", on: machine)
                    try race.write("\(machine)/changing", "round \(round) \(random.next())", on: machine)
                    if round >= 2 { try race.remove("\(machine)/new-\(round - 2)", on: machine) }
                }
                try await race.push()
                try await race.observe(round)
            }
            try await race.finish()
            print("race, \(place.testDescription): \(race.figures)")
        }
    }

    @Test(
        "Of 8 versions of one file that are pushed at once, the newest is pulled, and each can be read from a snapshot",
        arguments: Place.all)
    func sameFile(_ place: Place) async throws {
        var random = SeededGenerator.forTest()
        try await place.run(inMemory: true) { sandbox in
            var race = try await Race(sandbox, seed: random.seed, files: ["shared": "base", "other": "other"])
            var seen: Set<String> = []
            for round in 0..<4 {
                try await race.pull(some: &random)
                // In the past, so that no clock has a say.
                let times = race.machines.indices.shuffled(using: &random).map {
                    Date(timeIntervalSince1970: 1_700_000_000 + Double(100 * round + $0))
                }
                let versions = race.machines.indices.map { "round \(round), machine \($0), \(random.next())" }
                for (machine, time) in zip(race.machines.indices, times).sorted(by: { $0.1 < $1.1 }) {
                    // Written from the oldest on: what the last one writes is expected in the end.
                    try race.write("shared", versions[machine], modified: time, on: machine)
                }
                try await race.push()
                try await race.observe(round)
                let readable = try await race.versions(of: "shared", unseen: &seen)
                for version in versions {
                    try #require(
                        readable.contains(version), "seed \(random.seed): '\(version)' is in no snapshot of the log")
                }
            }
            try await race.finish()
            print("race for one file, \(place.testDescription): \(race.figures)")
        }
    }
}
