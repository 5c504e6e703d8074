import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Merge of databases") struct DatabaseMergeTests {
    let fixture: DatabaseFixture
    init() throws { fixture = try DatabaseFixture() }

    @Test("follows its rules, whichever side is merged into the other", arguments: MergeRule.all, [true, false])
    func rules(_ rule: MergeRule, preferTheirs: Bool) throws {
        let expected = preferTheirs ? rule.rows : rule.oursNewer ?? rule.rows
        for swapped in [false, true] {
            try? FileManager.default.removeItem(atPath: fixture.path("base"))
            try fixture.sides(rule.schema, ours: rule.ours, theirs: rule.theirs)
            let (from, into) = swapped ? ("theirs", "ours") : ("ours", "theirs")
            let outcome = try fixture.merge(
                base: rule.hasBase ? "base" : nil, from, into: into, preferTheirs: preferTheirs != swapped)
            #expect(try fixture.rows(into, rule.query) == expected, "swapped: \(swapped)")
            #expect(outcome.conflicts == rule.conflicts)
            #expect(outcome.warnings.count == rule.warnings, "\(outcome.warnings)")
            #expect(outcome.schemaDifferences == [])
        }
    }

    @Test("counts what it writes") func counts() throws {
        try fixture.sides(
            MergeRule.plain,
            ours: "UPDATE t SET data = 1 WHERE id = 'a'; DELETE FROM t WHERE id = 'b'; "
                + "INSERT INTO t VALUES ('c', 1), ('d', 1)", theirs: "")
        #expect(try fixture.merge().tables == ["t": .init(inserted: 2, updated: 1, deleted: 1)])
        #expect(try fixture.merge().tables == [:], "a second time there is nothing left to do")
    }

    @Test(
        "changes nothing where the schemas differ, and says in what",
        arguments: [
            ("ALTER TABLE t ADD COLUMN x", "the columns of the table 't' differ"),
            ("CREATE TABLE x (y)", "the table 'x' exists only here"),
            ("PRAGMA user_version = 7", "user_version is 7 here and 0 in the store"),
            ("CREATE INDEX i ON t (data)", "the index i differs"),
            ("CREATE VIEW v AS SELECT 1", "the view v differs"),
            (
                "INSERT INTO migration VALUES ('new', 1)",
                "of the migrations in 'migration', 1 were applied only here: new"
            ),
        ])
    func schemaDiffers(_ change: String, _ difference: String) throws {
        let schema = MergeRule.plain + "CREATE TABLE migration (id text PRIMARY KEY, time_completed integer)"
        try fixture.sides(schema, ours: change, theirs: "UPDATE t SET data = 'theirs'")
        try fixture.change("ours", "UPDATE t SET data = 'ours'")
        let before = try Data(contentsOf: URL(filePath: fixture.path("theirs")))
        let outcome = try fixture.merge()
        #expect(outcome.schemaDiffers)
        #expect(outcome.schemaDifferences == [difference])
        #expect(try Data(contentsOf: URL(filePath: fixture.path("theirs"))) == before)
    }

    @Test("does not mind how one schema is written, nor a base with another")
    func sameSchema() throws {
        try fixture.make("base", "CREATE TABLE t (id text PRIMARY KEY); INSERT INTO t VALUES ('a')")
        try fixture.make("ours", "CREATE TABLE t (id  text PRIMARY KEY , data text); INSERT INTO t VALUES ('b', 1)")
        try fixture.make("theirs", "CREATE TABLE t (id text PRIMARY KEY); ALTER TABLE t ADD data text")
        let outcome = try fixture.merge()
        #expect(outcome.schemaDifferences == [])
        #expect(outcome.warnings.count == 1)
        #expect(try fixture.rows("theirs", "SELECT * FROM t") == ["b|1"])
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
        #expect(try fixture.rows("theirs", "SELECT * FROM victim") == ["v", "w"])
        #expect(try fixture.rows("theirs", "SELECT * FROM t") == ["b|2", "c|2"])
    }

    @Test("leaves a search index as it is in the store, and warns") func virtualTables() throws {
        try fixture.sides(
            MergeRule.plain + "CREATE VIRTUAL TABLE f USING fts5(text)",
            ours: "INSERT INTO f VALUES ('ours'); UPDATE t SET data = 'ours'",
            theirs: "INSERT INTO f VALUES ('theirs')")
        let outcome = try fixture.merge()
        #expect(!outcome.warnings.isEmpty)
        #expect(outcome.warnings.allSatisfy { $0.contains("'f_") })
        #expect(try fixture.rows("theirs", "SELECT text FROM f") == ["theirs"])
        #expect(try fixture.rows("theirs", "SELECT * FROM t") == ["a|ours", "b|ours"])
    }

    @Test(
        "keeps the journal mode, the inputs and the names of files as they are",
        arguments: ["ours", "file:a?mode=memory#%41", "ä 'quoted\" \\"])
    func files(_ name: String) throws {
        try fixture.sides(MergeRule.plain, ours: "", theirs: "PRAGMA journal_mode = WAL")
        for side in ["theirs", "base"] { try checkpointed(side) }
        try fixture.change("ours", "UPDATE t SET data = 'ours'")
        try checkpointed("ours")
        if name != "ours" { try fixture.copy("ours", to: name) }
        let inputs = try [name, "base"].map { try Data(contentsOf: URL(filePath: fixture.path($0))) }
        #expect(inputs[0][18] == 2)
        let names = try Set(fixture.tree.names())
        let outcome = try DatabaseMerge.merge(
            base: fixture.path("base"), ours: fixture.path(name), theirs: fixture.path("theirs"), preferTheirs: true,
            cancellation: Cancellation())
        #expect(outcome.tables["t"]?.updated == 2)
        #expect(try Set(fixture.tree.names()) == names)
        #expect(try [name, "base"].map { try Data(contentsOf: URL(filePath: fixture.path($0))) } == inputs)
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

    @Test("undoes everything when it fails or is cancelled") func failure() throws {
        try fixture.sides(
            "CREATE TABLE a (id text PRIMARY KEY, d); CREATE TABLE t (id text PRIMARY KEY, d CHECK (d > 0))",
            ours: "INSERT INTO a VALUES ('x', 1); PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES ('y', -1)",
            theirs: "")
        let before = try fixture.dump("theirs")
        #expect(throws: SQLiteError.self) { try fixture.merge() }
        #expect(try fixture.dump("theirs") == before)
        let cancellation = Cancellation()
        cancellation.cancel()
        #expect(throws: CancellationError.self) {
            try DatabaseMerge.merge(
                base: nil, ours: fixture.path("ours"), theirs: fixture.path("theirs"), preferTheirs: true,
                cancellation: cancellation)
        }
        #expect(try fixture.dump("theirs") == before)
    }
}
