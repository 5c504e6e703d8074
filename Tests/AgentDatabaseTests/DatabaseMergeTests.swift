import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Merge of databases") struct DatabaseMergeTests {
    let fixture: DatabaseFixture
    init() throws { fixture = try DatabaseFixture() }

    @Test("follows its rules, and both sides come to the same", arguments: MergeRule.all)
    func rules(_ rule: MergeRule) throws {
        for swapped in [false, true] {
            fixture.remove("base")
            try fixture.sides(rule.schema, ours: rule.ours, theirs: rule.theirs)
            let base = rule.hasBase ? "base" : nil
            let outcome =
                try swapped ? fixture.merge(base: base, "theirs", "ours") : fixture.merge(base: base, "ours", "theirs")
            #expect(try fixture.rows("merged", rule.query) == rule.rows, "swapped: \(swapped)")
            #expect(outcome.conflicts == rule.conflicts)
            #expect(outcome.report.warnings.count == rule.warnings, "\(outcome.report.warnings)")
            #expect((outcome.report.lost + outcome.report.leftOut).map(\.words).sorted() == rule.losses)
            #expect(outcome.refusal == [])
            #expect(
                try fixture.rows("merged", "PRAGMA foreign_key_check").count <= fixture.orphans(of: "ours", "theirs"))
        }
    }

    @Test("of two names of an expression keeps the target's, and says so") func expressions() throws {
        try fixture.sides(
            MergeRule.plain + "CREATE UNIQUE INDEX i ON t (lower(data)) WHERE id > 'b'",
            ours: "INSERT INTO t VALUES ('c', 'N')", theirs: "INSERT INTO t VALUES ('d', 'n')")
        let outcome = try fixture.merge()
        #expect(try fixture.rows("merged", "SELECT * FROM t") == ["a|base", "b|base", "d|n"])
        #expect(outcome.report.lost == [.init(side: .ours, session: nil, table: "t", count: 1)])
    }

    @Test("counts what it writes") func counts() throws {
        try fixture.sides(
            MergeRule.plain,
            ours: "UPDATE t SET data = 1 WHERE id = 'a'; DELETE FROM t WHERE id = 'b'; "
                + "INSERT INTO t VALUES ('c', 1), ('d', 1)", theirs: "")
        let outcome = try fixture.merge()
        #expect(outcome.tables == ["t": .init(inserted: 2, updated: 1, deleted: 1)])
        #expect((outcome.report.written, outcome.report.deleted) == (3, 1))
        #expect(try fixture.merge("ours", "merged").tables == [:], "a second time there is nothing left to do")
    }

    @Test("runs nothing that a database brings along") func hostile() throws {
        let schema =
            MergeRule.plain + """
                CREATE TABLE victim (id text PRIMARY KEY); INSERT INTO victim VALUES ('v');
                CREATE TRIGGER i AFTER INSERT ON t BEGIN DELETE FROM victim; END;
                CREATE TRIGGER u BEFORE UPDATE ON t BEGIN DELETE FROM victim; END;
                CREATE TRIGGER d AFTER DELETE ON t BEGIN DELETE FROM victim; END;
                """
        try fixture.sides(schema, ours: "INSERT INTO victim VALUES ('w')", theirs: "")
        let ours = try SQLiteConnection(fixture.path("ours"), .write)
        try ours.distrust()
        try ours.execute("INSERT INTO t VALUES ('c', ''); UPDATE t SET data = 2; DELETE FROM t WHERE id = 'a'")
        try fixture.merge()
        #expect(try fixture.rows("merged", "SELECT * FROM victim") == ["v", "w"])
        #expect(try fixture.rows("merged", "SELECT * FROM t") == ["b|2", "c|2"])
    }

    @Test(
        "builds search indexes anew, and merges those with rows of their own",
        arguments: [
            ("USING fts5(data, content='t', content_rowid='rowid')", true), ("USING fts5(data)", false),
            ("USING fts4(data)", false),
        ])
    func searchIndexes(_ using: String, isExternal: Bool) throws {
        func added(_ word: String) -> String {
            let row = "INSERT INTO t VALUES ('\(word)', '\(word)');"
            return row + (isExternal ? "INSERT INTO f(f) VALUES('rebuild')" : "INSERT INTO f(data) VALUES ('\(word)')")
        }
        try fixture.sides(
            MergeRule.plain + "CREATE VIRTUAL TABLE f \(using); " + added("common"), ours: added("apple"),
            theirs: added("banana"))
        let outcome = try fixture.merge()
        #expect(outcome.report.warnings == [])
        let found = "SELECT data FROM f WHERE f MATCH 'apple OR banana OR common' ORDER BY 1"
        #expect(try fixture.rows("merged", found) == ["apple", "banana", "common"])
    }

    @Test("merges the rows of an R*Tree") func tree() throws {
        try fixture.sides(
            "CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES (1, 0, 1), (2, 0, 1)",
            ours: "INSERT INTO r VALUES (3, 5, 6); DELETE FROM r WHERE id = 2",
            theirs: "INSERT INTO r VALUES (4, 7, 8); UPDATE r SET b = 2 WHERE id = 1")
        try fixture.merge()
        #expect(try fixture.rows("merged", "SELECT id, b FROM r ORDER BY 1") == ["1|2.0", "3|6.0", "4|8.0"])
        #expect(try fixture.rows("merged", "SELECT rtreecheck('r')") == ["ok"])
    }

    @Test(
        "keeps the journal mode and the names of files as they are",
        arguments: ["ours", "file:a?mode=memory#%41", "ä 'quoted\" \\"])
    func files(_ name: String) throws {
        try fixture.sides(MergeRule.plain, ours: "", theirs: "PRAGMA journal_mode = WAL")
        try checkpointed("theirs")
        try fixture.change("ours", "UPDATE t SET data = 'ours'")
        if name != "ours" { try fixture.copy("ours", to: name) }
        let names = try Set(fixture.tree.names())
        let outcome = try DatabaseMerge.merge(
            base: fixture.path("base"), ours: fixture.path(name), theirs: fixture.path("theirs"),
            cancellation: Cancellation())
        #expect(outcome.tables["t"]?.updated == 2)
        #expect(try Set(fixture.tree.names()) == names)
        #expect(try Data(contentsOf: URL(filePath: fixture.path("theirs")))[18] == 2)
        #expect(try fixture.rows("theirs", "SELECT * FROM t") == ["a|ours", "b|ours"])
    }

    /// Brings the image into WAL mode as a capture leaves it: all in one file.
    private func checkpointed(_ name: String) throws {
        do {
            let image = try SQLiteConnection(fixture.path(name), .write)
            try image.execute("PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)")
        }
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: fixture.path(name + suffix)) }
    }

    @Test("minds no rule that a row breaks on its own side already") func checks() throws {
        try fixture.sides(
            "CREATE TABLE t (id text PRIMARY KEY, d CHECK (d > 0))",
            ours: "PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES ('y', -1)",
            theirs: "INSERT INTO t VALUES ('z', 1)")
        for name in ["base", "ours", "theirs"] { try fixture.copy(name, to: "\(name) copy") }
        let outcome = try DatabaseMerge.merge(
            base: fixture.path("base copy"), ours: fixture.path("ours copy"), theirs: fixture.path("theirs copy"),
            cancellation: Cancellation())
        #expect(outcome.report == written(1))
        #expect(try fixture.rows("theirs copy", "SELECT * FROM t ORDER BY 1") == ["y|-1", "z|1"])
    }

    private func written(_ rows: Int) -> MergeReport {
        var report = MergeReport()
        report.written = rows
        return report
    }

    @Test("undoes everything when it is cancelled") func failure() throws {
        try fixture.sides(MergeRule.plain, ours: "UPDATE t SET data = 'ours'", theirs: "")
        let before = try fixture.dump("theirs")
        let cancellation = Cancellation()
        cancellation.cancel()
        #expect(throws: CancellationError.self) {
            try DatabaseMerge.merge(
                base: nil, ours: fixture.path("ours"), theirs: fixture.path("theirs"), cancellation: cancellation)
        }
        #expect(try fixture.dump("theirs") == before)
    }
}
