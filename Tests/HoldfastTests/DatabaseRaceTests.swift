import Foundation
import ObjectStore
import Testing

@testable import AgentDatabase
@testable import Holdfast

/// Two runs that started from the same state, and save at once.
@Suite("A database that two machines save at the same time", .timeLimit(.minutes(5)))
struct DatabaseRaceTests {
    @Test("keeps the sessions, messages and parts of both, 50 times, and nothing else changes")
    func fiftyRounds() async throws {
        try await withTemporaryStore { store in
            try await Fixture.with(store) { fixture in
                let machines = [try Agent(fixture, "a"), try Agent(fixture, "b")]
                try machines[0].create()
                #expect(await fixture.memory("a").push().success)
                #expect(await fixture.memory("b").pull().success)
                var expected = try machines[0].dump()
                for round in 0..<50 {
                    for machine in machines {
                        let added = try machine.addSession(round)
                        for (table, rows) in added { expected[table, default: []].formUnion(rows) }
                    }
                    async let first = fixture.memory("a").push()
                    async let second = fixture.memory("b").push()
                    for push in [await first, await second] {
                        try #require(push.success, "round \(round): \(push)")
                        #expect(push.mergeConflicts == [])
                        #expect(push.warnings == [])
                    }
                    for machine in machines {
                        let pull = await fixture.memory(machine.name).pull()
                        try #require(pull.success, "round \(round): \(pull)")
                        let found = try machine.dump()
                        try #require(found == expected, "round \(round), machine \(machine.name)")
                    }
                }
                #expect(expected["session"]?.count == 101)
                #expect(expected["part"]?.count == 101 * 6)
            }
        }
    }

    private func withTemporaryStore(_ body: (any ObjectStore) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(FileObjectStore(root: folder))
    }

    /// An agent with OpenCode's tables, which opens its database for each turn.
    struct Agent {
        let name: String
        private let path: String

        init(_ fixture: Fixture, _ name: String) throws {
            self.name = name
            path = "\(fixture.folder)/\(name)/opencode.db"
            try FileManager.default.createDirectory(atPath: fixture.storage(name), withIntermediateDirectories: true)
        }

        private func open() throws -> SQLiteConnection {
            let connection = try SQLiteConnection(path, .create)
            try connection.execute("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF")
            return connection
        }

        func create() throws {
            try open().execute(
                """
                CREATE TABLE project (id text PRIMARY KEY, worktree text NOT NULL, time_updated integer NOT NULL);
                CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL REFERENCES project(id) ON DELETE
                  CASCADE, parent_id text, directory text NOT NULL, title text NOT NULL, time_updated integer NOT NULL);
                CREATE INDEX session_project_idx ON session (project_id);
                CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL REFERENCES session(id) ON DELETE
                  CASCADE, time_updated integer NOT NULL, data text NOT NULL);
                CREATE INDEX message_session_idx ON message (session_id);
                CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL REFERENCES message(id) ON DELETE CASCADE,
                  session_id text NOT NULL, time_updated integer NOT NULL, data text NOT NULL);
                CREATE INDEX part_message_idx ON part (message_id);
                CREATE TABLE todo (session_id text NOT NULL, position integer NOT NULL, content text NOT NULL,
                  PRIMARY KEY (session_id, position));
                CREATE TABLE event_sequence (aggregate_id text PRIMARY KEY, seq integer NOT NULL);
                CREATE TABLE migration (id text PRIMARY KEY, time_completed integer NOT NULL);
                INSERT INTO project VALUES ('p', '/agent/checkout', 1);
                INSERT INTO migration VALUES ('20260127222353_first', 1);
                INSERT INTO event_sequence VALUES ('p', 7);
                """)
            _ = try addSession(-1)
        }

        typealias Rows = Set<[SQLiteValue]>

        /// One turn: a session with two messages of three parts each, and a plan.
        /// - Returns: the new rows, by table.
        func addSession(_ round: Int) throws -> [String: Rows] {
            let session = "ses_\(name)_\(round)"
            let database = try open()
            try database.transaction {
                try database.execute(
                    "INSERT INTO session VALUES ('\(session)', 'p', NULL, '/agent/checkout', 'Turn', \(round + 2))")
                try database.execute("INSERT INTO todo VALUES ('\(session)', 0, 'first'), ('\(session)', 1, 'second')")
                for message in 0..<2 {
                    let id = "msg_\(name)_\(round)_\(message)"
                    try database.execute("INSERT INTO message VALUES ('\(id)', '\(session)', \(round + 2), '{}')")
                    for part in 0..<3 {
                        let text = String(repeating: "\(id) \(part) ", count: 30 << part)
                        try database.execute(
                            "INSERT INTO part VALUES ('prt_\(id)_\(part)', '\(id)', '\(session)', \(round + 2), '\(text)')"
                        )
                    }
                }
            }
            return try ["session": "id", "todo": "session_id", "message": "session_id", "part": "session_id"]
                .reduce(into: [:]) { new, place in
                    let sql = "SELECT * FROM \(place.key) WHERE \(place.value) = '\(session)'"
                    new[place.key] = Set(try database.rows(sql))
                }
        }

        /// All rows of all tables of a database that is whole, each row once.
        func dump() throws -> [String: Rows] {
            let database = try open()
            try #require(try database.rows("PRAGMA integrity_check") == [[.text("ok")]])
            try #require(try database.rows("PRAGMA foreign_key_check").isEmpty)
            var found: [String: Rows] = [:]
            for table in try database.tables() where table.isOrdinary && !table.name.hasPrefix("sqlite_") {
                let rows = try database.rows("SELECT * FROM \(SQLText.name(table.name))")
                found[table.name] = Set(rows)
                try #require(found[table.name]?.count == rows.count)
            }
            return found
        }
    }
}
