import FileIO
import NIOCore
import TestSupport
import Testing

@testable import AgentDatabase
@testable import Agents

@Suite("A count of sessions")
struct SessionCensusTests {
    private func census(_ state: StateFixture) throws -> SessionCensus {
        let reader = SessionReader()
        let found = try DatabaseScan.find(beside: state.storage)
        let database = try #require(found.databases.first)
        let live = try reader.census(of: database)
        let image = try DatabaseImage.capture(database)
        #expect(try reader.census(of: image) == live)
        let copy = try DatabaseTables()
        try image.copy(to: copy.file)
        #expect(try reader.census(of: copy) == live)
        return live
    }

    @Test("It is the same of a live database, an image and a copy, in each form")
    func forms() throws {
        let v1 = try StateFixture()
        try v1.run(Schema.v1, Schema.session("ses_a", "a"), Schema.session("ses_b", "b", updated: 3000))
        #expect(try census(v1).count == 2)
        let v2 = try StateFixture()
        try v2.run(Schema.v2, Schema.session("ses_a", "a", in: "session_v2"))
        #expect(try census(v2).count == 1)
        let none = try StateFixture()
        try none.run("CREATE TABLE other (id text PRIMARY KEY); INSERT INTO other VALUES ('x')")
        #expect(try census(none).count == 0)
    }

    @Test("What came, changed and went is told by the ids and the times")
    func changes() throws {
        let state = try StateFixture()
        try state.run(
            Schema.v1, Schema.session("ses_a", "a"), Schema.session("ses_b", "b"), Schema.session("ses_c", "c"))
        let before = try census(state)
        try state.run(
            "DELETE FROM session WHERE id = 'ses_a'", "UPDATE session SET time_updated = 9000 WHERE id = 'ses_b'",
            Schema.session("ses_d", "d"))
        let after = try census(state)
        #expect(after.lost(since: before) == 1)
        #expect(after.gained(since: before) == 1)
        #expect(after.continued(since: before) == 1)
        #expect(before.lost(since: before) == 0 && before.continued(since: before) == 0)
    }

    @Test("An update of the agent loses nothing; a session that is left in the older form alone is lost")
    func olderForm() throws {
        let state = try StateFixture()
        try state.run(Schema.v1, Schema.session("ses_a", "a"), Schema.session("ses_b", "b"))
        let v1 = try census(state)
        try state.run(Schema.v2, Schema.session("ses_a", "a", in: "session_v2"))
        let mixed = try census(state)
        #expect(mixed.lost(since: v1) == 0 && mixed.gained(since: v1) == 0)
        #expect(mixed.count == 2)
        try state.run("DELETE FROM session_v2")
        #expect(try census(state).lost(since: mixed) == 1)
    }

    @Test("A table that has only its name in common with the agent's holds no sessions")
    func foreignTable() throws {
        let state = try StateFixture()
        try state.run("CREATE TABLE session (id text PRIMARY KEY, b blob); INSERT INTO session VALUES ('x', 'y')")
        #expect(try census(state).count == 0)
    }

    @Test("Paths of the JSON era name their session")
    func paths() throws {
        let reader = SessionReader()
        func id(_ text: String) throws -> String? {
            reader.session(at: try #require(RelativePath(text))).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(try id("session/p/ses_1.json") == "ses_1")
        for other in ["session/ses_1.json", "session/p/.json", "session/p/x/ses_1.json", "message/p/ses_1.json", "a"] {
            #expect(try id(other) == nil, "\(other)")
        }
    }
}
