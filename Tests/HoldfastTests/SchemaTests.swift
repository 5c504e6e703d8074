import AgentFiles
import FileIO
import Foundation
import Repository
import Testing

@testable import AgentDatabase
@testable import Holdfast

@Suite("Databases of two schemas in one memory")
struct SchemaTests {
    private static let first = """
        CREATE TABLE migration (id text PRIMARY KEY, time_completed integer); INSERT INTO migration VALUES ('one', 1);
        CREATE TABLE session (id text PRIMARY KEY, title text, time_updated integer);
        """
    private static let oneMoreColumn = """
        INSERT INTO migration VALUES ('two', 1); ALTER TABLE session ADD COLUMN cost integer DEFAULT 0 NOT NULL;
        """
    /// Other tables; those of before stay as they are.
    private static let otherTables = """
        INSERT INTO migration VALUES ('two', 1); CREATE TABLE kv (key text PRIMARY KEY, value text);
        CREATE TABLE session_v2 (id text PRIMARY KEY, title text, time_updated integer);
        INSERT INTO session_v2 SELECT * FROM session; INSERT INTO kv VALUES ('migration.v1-v2', 'completed');
        """

    private func open(_ fixture: Fixture, _ machine: String, _ sql: String = "") throws -> SQLiteConnection {
        try FileManager.default.createDirectory(atPath: fixture.storage(machine), withIntermediateDirectories: true)
        let connection = try SQLiteConnection("\(fixture.folder)/\(machine)/opencode.db", .create)
        try connection.execute("PRAGMA journal_mode = WAL")
        try connection.execute(sql)
        return connection
    }

    private func add(_ session: String, _ database: SQLiteConnection, to table: String = "session") throws {
        try database.execute("INSERT INTO \(table) (id, title, time_updated) VALUES ('\(session)', 't', 1)")
    }

    private func sessions(_ fixture: Fixture, _ machine: String, in table: String = "session") throws -> [String] {
        let database = try SQLiteConnection("\(fixture.folder)/\(machine)/opencode.db", .read)
        return try database.rows("SELECT id FROM \(table) ORDER BY id").compactMap(\.first?.string)
    }

    @Test("are merged by a push, whichever is the later, and both machines go on", arguments: ["a", "b"])
    func merged(upgraded: String) async throws {
        try await Fixture.with { fixture in
            for machine in ["a", "b"] {
                let database = try open(fixture, machine, Self.first)
                if machine == upgraded { try database.execute(Self.oneMoreColumn) }
                try add("of-\(machine)", database)
            }
            for machine in ["a", "b"] {
                let push = await fixture.memory(machine).push()
                #expect(push.success, "\(push)")
            }
            for machine in ["a", "b"] {
                let pull = await fixture.memory(machine).pull(PullOptions(onConflict: .newerWins))
                #expect(pull.success, "\(pull)")
                #expect(try sessions(fixture, machine) == ["of-a", "of-b"])
            }
        }
    }

    @Test("stay as they are on a machine whose agent could not read the later one, which loses nothing by that")
    func hidden() async throws {
        try await Fixture.with { fixture in
            try add("both", try open(fixture, "a", Self.first))
            #expect(await fixture.memory("a").push().success)
            #expect(await fixture.memory("b").pull().success)
            do {
                let upgraded = try open(fixture, "b")
                try upgraded.execute(Self.otherTables)
                try add("later", upgraded, to: "session_v2")
            }
            #expect(await fixture.memory("b").push().success)
            // Nothing changed on the machine that stays behind.
            let pull = await fixture.memory("a").pull()
            #expect(pull.success, "\(pull)")
            #expect(pull.warnings.contains { $0.contains("of session later") && $0.contains("needs a newer agent") })
            #expect(try sessions(fixture, "a") == ["both"])
            try add("own", try open(fixture, "a"))
            let push = await fixture.memory("a").push()
            #expect(push.success, "\(push)")
            #expect(push.conflicts.contains { $0.contains("of session own") }, "\(push)")
            let other = await fixture.memory("b").pull(PullOptions(onConflict: .newerWins))
            #expect(other.success, "\(other)")
            #expect(try sessions(fixture, "b", in: "session_v2") == ["both", "later"])
            #expect(try sessions(fixture, "a") == ["both", "own"])
            // Its agent is upgraded at last.
            try open(fixture, "a").execute(Self.otherTables)
            #expect(await fixture.memory("a").push().success)
            #expect(await fixture.memory("c").pull().success)
            #expect(try sessions(fixture, "c", in: "session_v2") == ["both", "later", "own"])
        }
    }

    @Test("that a check dislikes are saved and restored")
    func checks() async throws {
        try await Fixture.with { fixture in
            let database = try open(fixture, "a")
            database.acceptForeignCollations()
            try database.execute(
                """
                CREATE TABLE session (id text PRIMARY KEY, n integer CHECK (n > 0), t text COLLATE own);
                CREATE INDEX i ON session (t); PRAGMA ignore_check_constraints = ON;
                INSERT INTO session VALUES ('a', -5, 'x')
                """)
            let push = await fixture.memory("a").push()
            #expect(push.success, "\(push)")
            #expect(push.warnings.contains { $0.contains("collation") }, "\(push.warnings)")
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(try sessions(fixture, "b") == ["a"])
        }
    }
}
