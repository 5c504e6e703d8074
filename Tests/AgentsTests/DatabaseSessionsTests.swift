import FileIO
import NIOCore
import TestSupport
import Testing

@testable import AgentDatabase
@testable import Agents

@Suite("Sessions of a database")
struct DatabaseSessionsTests {
    @Test("A database of V1 gives its sessions with the number of their messages, the newest first")
    func v1() throws {
        let state = try StateFixture()
        try state.run(
            Schema.v1, Schema.session("ses_a", "first"), Schema.session("ses_b", "second", updated: 3000),
            Schema.message("m1", of: "ses_a"), Schema.message("m2", of: "ses_a"), Schema.message("m3", of: "gone"))
        let list = try state.sessions()
        #expect(
            try list.sessions == [
                expected("ses_b", "second", updated: 3, messages: 0), expected("ses_a", "first", messages: 2),
            ])
        #expect(list.isComplete && list.hasSessionStore)
    }

    @Test("A database of V2 gives the sessions of its own tables")
    func v2() throws {
        let state = try StateFixture()
        try state.run(
            Schema.v2, Schema.session("ses_a", "first", in: "session_v2"), Schema.message2("m1", of: "ses_a", 1))
        #expect(try state.sessions().sessions == [expected("ses_a", "first", messages: 1)])
    }

    @Test("After an update, a session of both tables is that of V2, and one that was never imported is still there")
    func mixed() throws {
        let state = try StateFixture()
        try state.run(
            Schema.v1, Schema.v2, Schema.session("ses_a", "old title"), Schema.message("m1", of: "ses_a"),
            Schema.session("ses_left", "left behind"), Schema.message("m2", of: "ses_left"),
            Schema.session("ses_a", "new title", in: "session_v2", updated: 5000),
            Schema.message2("n1", of: "ses_a", 1), Schema.message2("n2", of: "ses_a", 2))
        #expect(
            try state.sessions().sessions == [
                expected("ses_a", "new title", updated: 5, messages: 2),
                expected("ses_left", "left behind", messages: 1),
            ])
    }

    @Test("Rows that are only in the log of a live database count")
    func live() throws {
        let state = try StateFixture()
        let agent = try SQLiteConnection(state.database, .create)
        try agent.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;" + Schema.v1)
        try agent.execute(Schema.session("ses_a", "first"))
        #expect(try SessionReader().sessions(of: state.storage).sessions == [expected("ses_a", "first", messages: 0)])
    }

    @Test("Missing columns and values of the wrong type give fewer fields")
    func fewerFields() throws {
        let state = try StateFixture()
        try state.run(
            "CREATE TABLE session (id, title, time_updated, rowid)",
            "INSERT INTO session VALUES ('ses_a', x'00FF', 'soon', 1), ('ses_b', 7, 2.5, 2), (NULL, 't', 1, 3)",
            "INSERT INTO session VALUES (x'01', 't', 1, 4), ('', 't', 1, 5), ('ses_c', '', 9223372036854775807, 6)")
        let list = try state.sessions()
        #expect(list.sessions.map(\.id) == ["ses_c", "ses_a", "ses_b"])
        #expect(list.sessions.allSatisfy { $0.title == nil && $0.directory == nil && $0.messages == nil })
        #expect(!list.isComplete)
    }

    @Test("An enormous value is left out, and the rest of its row and the other rows are read")
    func enormous() throws {
        let state = try StateFixture()
        try state.run(
            Schema.v1, Schema.session("ses_a", "first"), Schema.session("ses_b", "second"),
            Schema.session("ses_c", "third"), "UPDATE session SET title = hex(zeroblob(3000000)) WHERE id = 'ses_a'",
            "UPDATE session SET title = hex(zeroblob(3000)), directory = hex(zeroblob(3000)) WHERE id = 'ses_b'",
            "INSERT INTO message VALUES ('m1', 'ses_a', 1, 1, hex(zeroblob(3000000)))",
            "DROP INDEX message_session_time_created_id_idx")
        let list = try state.sessions()
        #expect(
            try list.sessions == [
                expected("ses_a", nil, messages: 1),
                expected("ses_b", String(repeating: "0", count: 200), directory: nil, messages: 0),
                expected("ses_c", "third", messages: 0),
            ])
        try state.run("UPDATE session SET id = hex(zeroblob(3000000)) WHERE id = 'ses_b'")
        #expect(try state.sessions().sessions.map(\.id) == ["ses_a", "ses_c"])
        #expect(try !state.sessions().isComplete)
    }

    @Test("Messages of which one cannot be attributed are not counted at all")
    func uncountable() throws {
        let state = try StateFixture()
        try state.run(
            Schema.v1, Schema.session("ses_a", "first"), Schema.message("m1", of: "ses_a"),
            "INSERT INTO message VALUES ('m2', hex(zeroblob(3000000)), 1, 1, '{}')")
        #expect(try state.sessions().sessions == [expected("ses_a", "first", messages: nil)])
        try state.run("DROP TABLE message")
        #expect(try state.sessions().sessions == [expected("ses_a", "first", messages: nil)])
    }

    @Test(
        "A view, a virtual table or a table without row numbers in the place of the table gives no session",
        arguments: [
            "CREATE VIEW session AS SELECT 'ses_x' AS id, 'trap' AS title",
            "CREATE VIRTUAL TABLE session USING fts5(id, title)",
            "CREATE TABLE session (id text PRIMARY KEY, title text) WITHOUT ROWID; INSERT INTO session VALUES ('a', 'b')",
            "CREATE TABLE session (id, rowid, _rowid_, oid); INSERT INTO session VALUES ('a', 1, 2, 3)",
            "CREATE TABLE session (title text); INSERT INTO session VALUES ('b')",
        ])
    func traps(_ sql: String) throws {
        let state = try StateFixture()
        try state.run(sql)
        #expect(try state.sessions().sessions.isEmpty)
    }

    @Test("More sessions or messages than wanted are cut off, and the list says so")
    func limits() throws {
        let state = try StateFixture()
        try state.run(Schema.v1)
        for number in 0..<5 {
            try state.run(
                Schema.session("ses_\(number)", "t", updated: number), Schema.message("m\(number)", of: "ses_4"))
        }
        let list = try state.sessions(SessionReader(maxSessions: 3, maxMessages: 4))
        #expect(list.sessions.map(\.id) == ["ses_4", "ses_3", "ses_2"])
        #expect(list.sessions.allSatisfy { $0.messages == nil })
        #expect(!list.isComplete)
        #expect(try state.sessions(SessionReader(maxSessions: 5, maxMessages: 5)).sessions[0].messages == 5)
        #expect(try state.sessions(SessionReader(maxSessions: 5)).isComplete)
    }

    @Test("A damaged database is an error, or a list that says that it is incomplete", arguments: 1...40)
    func damaged(_ seed: Int) throws {
        let state = try StateFixture()
        try state.run(Schema.v1, Schema.v2)
        for number in 0..<60 {
            try state.run(Schema.session("ses_\(number)", String(repeating: "t", count: 400)))
        }
        let whole = try state.sessions().sessions
        var random = SeededGenerator(seed: UInt64(seed))
        let file = try File.open(state.database, [.readWrite])
        for _ in 0..<4 {
            let offset = Int64.random(in: 100..<(try file.status().size - 16), using: &random)
            try file.write(ByteBuffer(bytes: random.bytes(16)), at: offset)
        }
        do {
            let list = try SessionReader().sessions(of: state.storage)
            #expect(list.sessions.count <= whole.count + 8)
        } catch is SQLiteError {}
    }
}
