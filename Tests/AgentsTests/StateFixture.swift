import FileIO
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import AgentDatabase
@testable import Agents

/// An agent's data directory with a storage directory and a database that tests fill.
final class StateFixture: Sendable {
    let tree: TemporaryTree
    var storage: String { tree.path + "/storage" }
    var database: String { tree.path + "/opencode.db" }

    init() throws {
        tree = try TemporaryTree()
        try makeDirectories(storage)
    }

    /// Runs SQL in the database, which is made if it is missing.
    func run(_ sql: String...) throws {
        let connection = try SQLiteConnection(database, .create)
        try connection.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        for sql in sql { try connection.execute(sql) }
    }

    /// The sessions of the database as it lies there, and of a private copy of it, which must be the same.
    func sessions(_ reader: SessionReader = SessionReader()) throws -> SessionList {
        let live = try reader.sessions(of: storage)
        let copy = try DatabaseTables()
        let content = try Data(contentsOf: URL(fileURLWithPath: database))
        try copy.file.write(ByteBuffer(bytes: content), at: 0)
        #expect(try reader.sessions(in: copy) == live)
        return live
    }
}

/// Tables as OpenCode has them.
enum Schema {
    private static let columns = """
        id text PRIMARY KEY, project_id text NOT NULL, parent_id text, slug text, directory text NOT NULL,
        title text NOT NULL, version text, time_created integer NOT NULL, time_updated integer NOT NULL
        """

    static let v1 = """
        CREATE TABLE project (id text PRIMARY KEY, worktree text NOT NULL);
        CREATE TABLE session (\(columns));
        CREATE TABLE message (
          id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL, time_updated integer NOT NULL,
          data text NOT NULL);
        CREATE INDEX message_session_time_created_id_idx ON message (session_id, time_created, id);
        """

    static let v2 = """
        CREATE TABLE session_v2 (\(columns), time_idle integer, time_viewed integer);
        CREATE TABLE session_message (
          id text PRIMARY KEY, session_id text NOT NULL, type text NOT NULL, seq integer NOT NULL,
          time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL);
        CREATE UNIQUE INDEX session_message_session_seq_idx ON session_message (session_id, seq);
        """

    static func session(_ id: String, _ title: String, in table: String = "session", updated: Int = 2000) -> String {
        """
        INSERT INTO \(table) (id, project_id, directory, title, time_created, time_updated)
        VALUES ('\(id)', 'prj', '/checkout/site', '\(title)', 1000, \(updated));
        """
    }

    static func message(_ id: String, of session: String) -> String {
        "INSERT INTO message VALUES ('\(id)', '\(session)', 1, 1, '{}');"
    }

    static func message2(_ id: String, of session: String, _ seq: Int) -> String {
        "INSERT INTO session_message VALUES ('\(id)', '\(session)', 'user', \(seq), 1, 1, '{}');"
    }
}

func expected(
    _ id: String, _ title: String?, directory: String? = "/checkout/site", project: String? = "prj",
    updated: Double? = 2, created: Double? = 1, messages: Int?
) throws -> AgentSession {
    try #require(
        AgentSession(
            id: id, title: title, directory: directory, project: project, created: created.map { Int64($0 * 1000) },
            updated: updated.map { Int64($0 * 1000) }, messages: messages))
}
