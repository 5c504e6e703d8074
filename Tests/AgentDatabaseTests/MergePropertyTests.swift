import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Merge of random databases") struct MergePropertyTests {
    let fixture: DatabaseFixture
    init() throws { fixture = try DatabaseFixture() }

    @Test("gives what the rules give by hand, from either side", arguments: UInt64(0)..<60)
    func model(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var base = MergeModel()
        base.mutate(60, "base", &random)
        var (ours, theirs) = (base, base)
        ours.mutate(Int.random(in: 0..<25, using: &random), "ours", &random)
        theirs.mutate(Int.random(in: 0..<25, using: &random), "theirs", &random)
        let expected = MergeModel.merge(base, ours, theirs)
        for (name, model) in [("base", base), ("ours", ours), ("theirs", theirs)] {
            let image = try fixture.make(name, MergeModel.schema)
            try image.transaction { try model.write(image) }
        }
        for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
            try fixture.merge(one, other)
            let image = try SQLiteConnection(fixture.path("merged"), .read)
            #expect(try MergeModel.read(image) == expected, "seed \(seed), \(one) into \(other)")
            #expect(try image.rows("PRAGMA foreign_key_check") == [], "seed \(seed)")
        }
    }

    @Test(
        "keeps all that two runs add to one session, in the order of each, for 50 rounds",
        arguments: [1, 2] as [UInt64])
    func rounds(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        try fixture.make("base", AgentSchema.v2, AgentSchema.conversation2)
        for round in 0..<50 {
            try fixture.copy("base", to: "ours", "theirs")
            let before = try numberless("base")
            let ours = try added("ours", round, &random)
            let theirs = try added("theirs", round, &random)
            try fixture.merge()
            #expect(try numberless("merged") == (before + ours + theirs).sorted(), "seed \(seed), round \(round)")
            let image = try SQLiteConnection(fixture.path("merged"), .read)
            #expect(try image.rows("PRAGMA foreign_key_check") == [])
            for table in ["event", "session_message"] {
                for side in ["ours", "theirs"] {
                    let order = "SELECT id FROM \(table) ORDER BY seq"
                    #expect(
                        try fixture.rows("merged", order).filter { $0.hasPrefix("\(side)-\(round)-") }
                            == fixture.rows(side, order).filter { $0.hasPrefix("\(side)-\(round)-") },
                        "seed \(seed), round \(round)")
                }
            }
            #expect(
                try fixture.rows("merged", "SELECT seq FROM event_sequence")
                    == fixture.rows("merged", "SELECT max(seq) FROM event"), "seed \(seed), round \(round)")
            for table in ["event", "session_message"] {
                #expect(
                    try fixture.rows("merged", "SELECT min(seq), max(seq) = count(*) FROM \(table)") == ["1|1"],
                    "seed \(seed), round \(round)")
            }
            try fixture.copy("merged", to: "base")
        }
    }

    /// A few turns of one run.
    private func added(_ side: String, _ round: Int, _ random: inout SeededGenerator) throws -> [String] {
        let before = Set(try numberless(side))
        for turn in 0..<Int.random(in: 1...4, using: &random) {
            let id = "\(side)-\(round)-\(turn)"
            try fixture.change(
                side,
                """
                BEGIN;
                INSERT INTO session VALUES ('\(id)', 'p', 's', '/old', '\(id)', 1, 1, 0);
                INSERT INTO message VALUES ('\(id)', 's', \(round), 1, '{}');
                INSERT INTO part VALUES ('\(id)', '\(id)', 's', 1, 1, '\(id)'), ('\(id)b', 'm1', 's', 1, 1, '{}');
                INSERT INTO event SELECT '\(id)', 's', max(seq) + 1, 'x', '\(id)' FROM event;
                INSERT INTO session_message SELECT '\(id)', 's', 'user', max(seq) + 1, 1, 1, '{}' FROM session_message;
                UPDATE event_sequence SET seq = seq + 1;
                COMMIT;
                """)
        }
        return try numberless(side).filter { !before.contains($0) }
    }

    /// Every row, but for the numbers that a merge may change.
    private func numberless(_ name: String) throws -> [String] {
        let numbered = ["event", "session_message"]
        let rest = try fixture.dump(name).filter { row in
            !(numbered + ["event_sequence"]).contains { row.hasPrefix("\($0): ") }
        }
        return try
            (rest + fixture.rows(name, "SELECT 'event', id, aggregate_id, type, data FROM event")
            + fixture.rows(name, "SELECT 'message', id, session_id, type, time_created, data FROM session_message"))
            .sorted()
    }
}
