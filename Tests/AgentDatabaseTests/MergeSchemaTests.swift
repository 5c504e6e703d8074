import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Merge across schemas") struct MergeSchemaTests {
    let fixture: DatabaseFixture
    init() throws { fixture = try DatabaseFixture() }

    /// What is said of rows that are missing, without their numbers.
    private func named(_ report: MergeReport) -> Set<String> {
        Set((report.lost + report.leftOut + report.hidden).compactMap(\.session))
    }

    private func applied(_ name: String) throws -> [String] {
        try fixture.rows(name, "SELECT id FROM migration ORDER BY 1")
    }

    @Test(
        "loses no session of two databases that never met, from either side", arguments: AgentLineage.allCases,
        AgentLineage.allCases)
    func strangers(_ here: AgentLineage, _ there: AgentLineage) throws {
        try fixture.make(
            "ours", here.creation, here.session("o"), here.message("om", of: "o"), here.prompt("op", of: "o"))
        try fixture.make(
            "theirs", there.creation, there.session("t"), there.message("tm", of: "t"), there.prompt("tp", of: "t"))
        var results: [[String]] = []
        for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
            let outcome = try fixture.merge(base: nil, one, other)
            #expect(outcome.refusal == [])
            let shown = try fixture.shown("merged")
            let named = named(outcome.report)
            for (session, rows) in [("o", ["o", "o/om", "o?op"]), ("t", ["t", "t/tm", "t?tp"])] {
                #expect(rows.allSatisfy(shown.contains) || named.contains(session), "\(one): \(shown), \(named)")
            }
            if here.isSecond == there.isSecond { #expect(named == []) }
            #expect(try fixture.rows("merged", "PRAGMA foreign_key_check") == [])
            #expect(try Set(applied("merged")) == Set(applied("ours") + applied("theirs")))
            #expect(
                try fixture.rows(
                    "merged", "SELECT pp.text = p.text FROM prompt_part AS pp JOIN prompt AS p ON p.id = prompt_id")
                    == ["1", "1"])
            results.append(shown)
        }
        #expect(results[0] == results[1])
    }

    @Test(
        "takes what both sides added since the base, whichever of them was upgraded",
        arguments: AgentLineage.allCases, AgentLineage.allCases)
    func upgraded(_ former: AgentLineage, _ later: AgentLineage) throws {
        let upgrade = later.upgrade(from: former)
        guard !upgrade.isEmpty || former == later else { return }
        try fixture.make("base", former.creation, former.session("s"), former.message("m", of: "s"))
        try fixture.copy("base", to: "ours", "theirs")
        try fixture.change("ours", upgrade, later.session("o"), later.message("om", of: "o", time: 5))
        try fixture.change("theirs", former.session("t"), former.message("tm", of: "t", time: 6))
        for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
            let outcome = try fixture.merge(one, other)
            let shown = try fixture.shown("merged")
            #expect(["s", "s/m", "o", "o/om"].allSatisfy(shown.contains), "\(shown)")
            if former.isSecond == later.isSecond {
                #expect(["t", "t/tm"].allSatisfy(shown.contains))
                #expect(named(outcome.report) == [])
            } else {
                #expect(named(outcome.report) == ["t"])
                let side: MergeReport.Side = one == "theirs" ? .ours : .theirs
                #expect(outcome.report.isMissing(from: side))
            }
            #expect(try applied("merged") == applied("ours"))
            #expect(outcome.report.deleted == 0)
        }
    }

    @Test("saves the deletion of a session across an upgrade, and of nothing else", arguments: [true, false])
    func deletions(deletedByUpgraded: Bool) throws {
        for (former, later) in [
            (AgentLineage.first, AgentLineage.firstIdle), (.firstIdle, .secondUpgraded), (.secondFresh, .secondViewed),
        ] {
            fixture.remove("base")
            try fixture.make(
                "base", former.creation, former.session("gone"), former.message("gm", of: "gone"), former.session("s"),
                former.message("m", of: "s"), former.prompt("gp", of: "gone"))
            try fixture.copy("base", to: "ours", "theirs")
            try fixture.change("ours", later.upgrade(from: former))
            if deletedByUpgraded {
                try fixture.change("ours", later.removal(of: "gone"))
            } else {
                try fixture.change("theirs", former.removal(of: "gone"))
            }
            for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
                try fixture.merge(one, other)
                #expect(try fixture.shown("merged") == ["s", "s/m"], "\(former), \(one)")
                try fixture.merge(one, other, schema: .oursUnlessExtended)
                #expect(try fixture.shown("merged") == ["s", "s/m"], "\(former), \(one), for \(one)")
            }
        }
    }

    @Test("keeps a session that one side deleted and the other went on with, across an upgrade")
    func goneOnWith() throws {
        for (former, later) in [(AgentLineage.first, AgentLineage.firstIdle), (.firstIdle, .secondUpgraded)] {
            fixture.remove("base")
            try fixture.make("base", former.creation, former.session("s"), former.message("m", of: "s"))
            try fixture.copy("base", to: "ours", "theirs")
            try fixture.change("ours", later.upgrade(from: former), later.message("n", of: "s", time: 9))
            try fixture.change("theirs", former.removal(of: "s"))
            for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
                try fixture.merge(one, other)
                #expect(try fixture.shown("merged") == ["s", "s/m", "s/n"], "\(former), \(one)")
            }
        }
    }

    @Test("keeps what a column holds that the other side lacks, and fills it only in new rows")
    func columns() throws {
        try fixture.sides(
            MergeRule.timed,
            ours: """
                ALTER TABLE t ADD COLUMN mark text DEFAULT 'none' NOT NULL; UPDATE t SET mark = 'mine';
                """,
            theirs:
                "UPDATE t SET data = 'theirs', time_updated = 9 WHERE id = 'a'; INSERT INTO t VALUES ('c', 1, 'new')")
        for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
            let outcome = try fixture.merge(one, other)
            let rows = try fixture.rows("merged", "SELECT id, data, mark FROM t ORDER BY 1")
            #expect(rows == ["a|theirs|mine", "b|base|mine", "c|new|none"])
            #expect(outcome.report.lost == [])
            #expect(outcome.conflicts == 0)
        }
    }

    @Test("names a row that has no value for a column, with its children, and merges the rest") func required() throws {
        let schema = """
            CREATE TABLE migration (id text PRIMARY KEY, time_completed integer); INSERT INTO migration VALUES ('1', 1);
            CREATE TABLE session (id text PRIMARY KEY, title text); INSERT INTO session VALUES ('s', 'base');
            CREATE TABLE note (id text PRIMARY KEY, session_id text REFERENCES session(id) ON DELETE CASCADE);
            CREATE TABLE other (id text PRIMARY KEY);
            """
        try fixture.sides(
            schema,
            ours: """
                INSERT INTO migration VALUES ('2', 1); CREATE TABLE new (id text PRIMARY KEY, title text, kind text NOT NULL);
                INSERT INTO new SELECT id, title, 'chat' FROM session; DROP TABLE session; ALTER TABLE new RENAME TO session;
                """,
            theirs: """
                INSERT INTO session VALUES ('t', 'theirs'); INSERT INTO note VALUES ('n', 't'), ('m', 's');
                UPDATE session SET title = 'changed' WHERE id = 's'; INSERT INTO other VALUES ('x');
                """)
        for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
            let outcome = try fixture.merge(one, other)
            #expect(try fixture.rows("merged", "SELECT * FROM session") == ["s|changed|chat"])
            #expect(try fixture.rows("merged", "SELECT id FROM note") == ["m"])
            #expect(try fixture.rows("merged", "SELECT id FROM other") == ["x"])
            #expect(try fixture.rows("merged", "PRAGMA foreign_key_check") == [])
            let side: MergeReport.Side = one == "theirs" ? .ours : .theirs
            #expect(outcome.report.leftOut == [.init(side: side, session: "t", table: nil, count: 2)])
            // For the machine that has the row, its absence elsewhere is no deletion.
            try fixture.merge(base: "theirs", "theirs", "merged", schema: .oursUnlessExtended)
            #expect(try fixture.rows("merged", "SELECT id FROM session ORDER BY 1") == ["s", "t"])
        }
    }

    @Test("does not bring back what a migration has left behind, and takes it for no deletion") func leftBehind() throws
    {
        let (former, later) = (AgentLineage.firstIdle, AgentLineage.secondUpgraded)
        try fixture.make("base", former.creation, former.session("s"), former.message("m", of: "s"))
        try fixture.copy("base", to: "ours", "theirs")
        try fixture.change("ours", later.upgrade(from: former))
        try fixture.change("theirs", "INSERT INTO project VALUES ('q', '/q', 1, 1)")
        try fixture.merge()
        #expect(try fixture.rows("merged", "SELECT count(*) FROM event") == ["0"])
        #expect(try fixture.rows("merged", "SELECT id FROM project") == ["p", "q"])
        // The other machine keeps its log.
        try fixture.merge(base: "base", "theirs", "ours", schema: .oursUnlessExtended)
        #expect(try fixture.rows("merged", "SELECT count(*) FROM event") == ["1"])
    }

    @Test("never lets rows of 1.x stand beside a mark that says they were taken over") func mark() throws {
        let (former, later) = (AgentLineage.firstIdle, AgentLineage.secondUpgraded)
        try fixture.make("base", former.creation, former.session("s"), former.message("m", of: "s"))
        try fixture.copy("base", to: "ours", "theirs")
        try fixture.change("ours", later.upgrade(from: former))
        try fixture.change("theirs", former.session("t"), former.message("n", of: "s", time: 7))
        let outcome = try fixture.merge()
        #expect(try fixture.rows("merged", "SELECT id FROM session") == ["s"])
        #expect(try fixture.rows("merged", "SELECT id FROM message") == ["m"])
        #expect(try fixture.rows("merged", "SELECT key FROM kv") == ["migration.v1-v2"])
        #expect(named(outcome.report) == ["s", "t"])
        // What found no place there was not removed there.
        try fixture.copy("merged", to: "stored")
        let pulled = try fixture.merge(base: "theirs", "theirs", "stored", schema: .oursUnlessExtended)
        #expect(try fixture.shown("merged") == ["s", "s/m", "s/n", "t"])
        #expect(pulled.report.deleted == 0)
        try fixture.copy("stored", to: "merged")
        // Once it has been upgraded too, nothing is missing.
        try fixture.change("theirs", later.upgrade(from: former))
        try fixture.copy("merged", to: "stored")
        try fixture.merge("theirs", "stored")
        #expect(try fixture.shown("merged") == ["s", "s/m", "s/n", "t"])
    }

    @Test("keeps the schema of a machine whose agent could not read the later one, and hides the rest")
    func hidden() throws {
        for (former, later) in [
            (AgentLineage.firstIdle, AgentLineage.secondUpgraded), (.first, .secondFresh),
            (.secondFresh, .secondViewed),
        ] {
            fixture.remove("ours", "theirs")
            try fixture.make("ours", former.creation, former.session("o"), former.message("om", of: "o"))
            try fixture.make("theirs", later.creation, later.session("t"), later.message("tm", of: "t"))
            let outcome = try fixture.merge(base: nil, schema: .oursUnlessExtended)
            #expect(try fixture.shown("merged").contains("o/om"))
            if former.isSecond == later.isSecond {
                #expect(outcome.target == .theirs)
                #expect(try fixture.shown("merged").contains("t/tm"))
                #expect(outcome.report.hidden == [])
                continue
            }
            #expect(outcome.target == .ours)
            #expect(try applied("merged") == applied("ours"))
            #expect(outcome.report.hidden == [.init(side: .theirs, session: "t", table: nil, count: 2)])
            // What was hidden here has not been removed here.
            try fixture.copy("merged", to: "pulled")
            try fixture.change("pulled", former.session("more"))
            let saved = try fixture.merge(base: "theirs", "pulled", "theirs")
            #expect(try fixture.shown("merged").contains("t/tm"))
            #expect(saved.report.deleted == 0)
            #expect(named(saved.report) == ["o", "more"])
        }
    }

    @Test(
        "says why two schemas cannot be brought together, and changes nothing",
        arguments: [
            ("INSERT INTO migration VALUES ('x', 1)", "INSERT INTO migration VALUES ('y', 1)", "migrations"),
            ("CREATE TABLE x (id)", "ALTER TABLE t ADD COLUMN y", "tables or columns"),
        ])
    func noTarget(_ ours: String, _ theirs: String, _ reason: String) throws {
        let schema = MergeRule.plain + "CREATE TABLE migration (id text PRIMARY KEY, time_completed integer);"
        try fixture.sides(schema, ours: ours, theirs: theirs)
        let before = try fixture.dump("theirs")
        let outcome = try fixture.merge()
        #expect(outcome.refusal.count == 1)
        #expect(outcome.refusal.first?.contains(reason) == true, "\(outcome.refusal)")
        #expect(try fixture.dump("theirs copy") == before)
    }

    @Test(
        "does not mind how a schema is written",
        arguments: [
            "CREATE INDEX i ON t (data)", "CREATE VIEW v AS SELECT 1",
            "CREATE TABLE __drizzle_migrations (id integer PRIMARY KEY, hash text, name text); "
                + "INSERT INTO __drizzle_migrations VALUES (1, 'h', 'one')",
            "DROP TABLE t; CREATE TABLE t (data text, id text PRIMARY KEY); INSERT INTO t VALUES ('base', 'a'), ('base', 'b')",
        ])
    func forms(_ change: String) throws {
        let schema =
            MergeRule.plain
            + "CREATE TABLE migration (id text PRIMARY KEY, time_completed integer); INSERT INTO migration VALUES ('one', 1);"
        try fixture.sides(schema, ours: change, theirs: "INSERT INTO t VALUES ('t', 'theirs')")
        try fixture.change("ours", "INSERT INTO t (id, data) VALUES ('o', 'ours')")
        for (one, other) in [("ours", "theirs"), ("theirs", "ours")] {
            let outcome = try fixture.merge(one, other)
            #expect(outcome.refusal == [])
            let rows = try fixture.rows("merged", "SELECT id, data FROM t ORDER BY 1")
            #expect(rows == ["a|base", "b|base", "o|ours", "t|theirs"])
            #expect(try applied("merged") == ["one"])
        }
    }

    @Test("leaves a table alone that is sorted in a way which only its agent knows") func collations() throws {
        let schema = MergeRule.plain + "CREATE TABLE u (id text PRIMARY KEY, name text COLLATE own);"
        let image = try fixture.make("base")
        image.acceptForeignCollations()
        try image.execute(schema + "CREATE INDEX own_idx ON u (name); INSERT INTO u VALUES ('a', 'x')")
        try fixture.copy("base", to: "ours", "theirs")
        try fixture.change("ours", "INSERT INTO t VALUES ('c', 'ours')")
        for name in ["base", "ours", "theirs"] { try fixture.copy(name, to: "\(name) copy") }
        let outcome = try DatabaseMerge.merge(
            base: fixture.path("base copy"), ours: fixture.path("ours copy"), theirs: fixture.path("theirs copy"),
            cancellation: Cancellation())
        #expect(outcome.report.warnings.count == 1)
        #expect(try fixture.rows("theirs copy", "SELECT id FROM t") == ["a", "b", "c"])
    }

    @Test("adds to a live database what its schema has a place for, and offers the rest again") func live() throws {
        let (former, later) = (AgentLineage.firstIdle, AgentLineage.secondUpgraded)
        try fixture.make("live", former.creation, former.session("l"), former.message("lm", of: "l"))
        try fixture.make("theirs", later.creation, later.session("t"), later.message("tm", of: "t"))
        try fixture.copy("theirs", to: "once")
        let first = try DatabaseMerge.add(
            base: nil, other: fixture.path("once"), live: fixture.path("live"), cancellation: Cancellation())
        #expect(first.report.hidden == [.init(side: .theirs, session: "t", table: nil, count: 2)])
        #expect(try fixture.shown("live") == ["l", "l/lm"])
        try fixture.change("live", later.upgrade(from: former))
        try fixture.copy("theirs", to: "again", "before")
        let second = try DatabaseMerge.add(
            base: fixture.path("before"), other: fixture.path("again"), live: fixture.path("live"),
            forgetting: first.report.unplacedTables, cancellation: Cancellation())
        #expect(second.report.hidden == [])
        #expect(try fixture.shown("live") == ["l", "l/lm", "t", "t/tm"])
    }
}
