import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Merge of random histories across schemas") struct MergeLineagePropertyTests {
    let fixture: DatabaseFixture
    init() throws { fixture = try DatabaseFixture() }

    /// What one side did since the base.
    private struct Side {
        var lineage: AgentLineage
        /// Rows as ``DatabaseFixture/shown(_:)`` tells them.
        var added: Set<String> = []
        var deleted: Set<String> = []
        /// Sessions that it wrote to.
        var touched: Set<String> = []
    }

    private mutating func play(
        _ name: String, from lineage: AgentLineage, _ sessions: [String], _ random: inout SeededGenerator
    ) throws -> Side {
        var side = Side(lineage: lineage)
        var present = sessions
        var time = Int.random(in: 10..<50, using: &random)
        let steps = Int.random(in: 0..<10, using: &random)
        let upgrade = Bool.random(using: &random) ? Int.random(in: 0..<10, using: &random) : steps
        for step in 0..<steps {
            if step == upgrade {
                let next = AgentLineage.allCases.filter { !$0.upgrade(from: side.lineage).isEmpty }
                if let later = next.randomElement(using: &random) {
                    try fixture.change(name, later.upgrade(from: side.lineage))
                    side.lineage = later
                }
            }
            time += Int.random(in: 1..<9, using: &random)
            let (lineage, id) = (side.lineage, "\(name)\(step)")
            switch (Int.random(in: 0..<7, using: &random), present.randomElement(using: &random)) {
            case (0, let session?):
                try fixture.change(name, lineage.removal(of: session))
                present.removeAll { $0 == session }
                side.deleted.insert(session)
                side.added = side.added.filter { Self.session(of: $0) != session }
            case (1, let session?), (2, let session?), (3, let session?):
                try fixture.change(name, lineage.message(id, of: session, time: time))
                side.added.insert("\(session)/\(id)")
                side.touched.insert(session)
            case (4, let session?), (5, let session?):
                try fixture.change(name, lineage.prompt(id, of: session))
                side.added.insert("\(session)?\(id)")
            default:
                try fixture.change(name, lineage.session(id, time: time))
                present.append(id)
                side.added.insert(id)
                side.touched.insert(id)
            }
        }
        return side
    }

    private static func session(of row: String) -> String {
        String(row.prefix { $0 != "/" && $0 != "?" })
    }

    @Test("loses no row without naming it, whichever side saves, and comes to rest", arguments: UInt64(0)..<150)
    mutating func histories(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let start = AgentLineage.allCases.randomElement(using: &random) ?? .first
        let sessions = (0..<Int.random(in: 1..<5, using: &random)).map { "base\($0)" }
        try fixture.make("base", start.creation)
        for session in sessions {
            try fixture.change(
                "base", start.session(session), start.message("m\(session)", of: session),
                start.prompt("p\(session)", of: session))
        }
        try fixture.copy("base", to: "ours", "theirs")
        let hasBase = Int.random(in: 0..<4, using: &random) > 0
        let ours = try play("ours", from: start, sessions, &random)
        let theirs = try play("theirs", from: start, sessions, &random)
        let comment: Comment = "seed \(seed): \(start), \(ours.lineage), \(theirs.lineage), base: \(hasBase)"
        let before = Set(try fixture.shown("base"))
        var results: [Set<String>] = []
        for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
            let outcome = try fixture.merge(base: hasBase ? "base" : nil, one, other)
            guard outcome.refusal.isEmpty else {
                #expect(ours.lineage != theirs.lineage, comment)
                return
            }
            let shown = Set(try fixture.shown("merged"))
            results.append(shown)
            let named = Set((outcome.report.lost + outcome.report.leftOut).compactMap(\.session))
            for row in before.union(ours.added).union(theirs.added) where !shown.contains(row) {
                let session = Self.session(of: row)
                let deleted =
                    hasBase ? ours.deleted.union(theirs.deleted) : ours.deleted.intersection(theirs.deleted)
                let wasDeleted = deleted.contains(session)
                #expect(wasDeleted || named.contains(session), "\(comment): \(row)")
                // What one side deleted and the other wrote to stays.
                let wroteTo = ours.touched.subtracting(ours.deleted).union(theirs.touched.subtracting(theirs.deleted))
                if wroteTo.contains(session), ours.lineage.isSecond == theirs.lineage.isSecond, !row.contains("?") {
                    #expect(named.contains(session), "\(comment): \(row) of a session that was written to")
                }
            }
            if hasBase {
                for session in ours.deleted.union(theirs.deleted) where shown.contains(session) {
                    let wroteTo = ours.touched.union(theirs.touched).contains(session)
                    #expect(wroteTo || before.isDisjoint(with: [session]), "\(comment): \(session) is back")
                }
            }
            #expect(try fixture.rows("merged", "PRAGMA foreign_key_check") == [], comment)
            let strayed = """
                SELECT p.text, pp.text FROM prompt_part AS pp LEFT JOIN prompt AS p ON p.id = prompt_id
                WHERE p.text IS NOT pp.text
                """
            #expect(try fixture.rows("merged", strayed) == [], comment)
            let table = try fixture.rows("merged", "SELECT 1 FROM sqlite_schema WHERE name = 'session_message'")
            if !table.isEmpty {
                let gaps = """
                    SELECT session_id FROM session_message GROUP BY 1 HAVING count(DISTINCT seq) <> count(*)
                    """
                #expect(try fixture.rows("merged", gaps) == [], comment)
            }
            // Whoever merges again finds nothing new, and comes to rest.
            try fixture.copy("merged", to: "once")
            for side in [one, other] {
                try fixture.merge(base: side, side, "once")
                #expect(shown.isSubset(of: try fixture.shown("merged")), "\(comment): \(side) once more")
                if ours.lineage == theirs.lineage {
                    #expect(try fixture.dump("merged") == fixture.dump("once"), "\(comment): \(side) once more")
                }
            }
        }
        #expect(results.count < 2 || results[0] == results[1], comment)
    }
}
