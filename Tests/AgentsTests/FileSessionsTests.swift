import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Agents

@Suite("Sessions of JSON files")
struct FileSessionsTests {
    private let reader = SessionReader()

    private static func session(_ title: String, updated: Int) -> String {
        """
        {"id": "other", "projectID": "other", "directory": "/checkout/site", "title": "\(title)",
         "time": {"created": 1000, "updated": \(updated)}, "summary": {"files": 0}}
        """
    }

    private static func write(_ files: [String: String], _ state: StateFixture) throws {
        for (name, content) in files {
            let path = "\(state.storage)/\(name)"
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try content.write(toFile: path, atomically: false, encoding: .utf8)
        }
    }

    @Test("A session is named by its file, belongs to the project of its directory, and has as many messages as files")
    func sessions() throws {
        let state = try StateFixture()
        try Self.write(
            [
                "session/prj/ses_a.json": Self.session("first", updated: 2000),
                "session/prj/ses_b.json": Self.session("second", updated: 3000), "session/prj/note.txt": "",
                "message/ses_a/msg_1.json": "{}", "message/ses_a/msg_2.json": "{}", "message/ses_a/x.tmp": "",
            ], state)
        let list = try reader.sessions(of: state.storage)
        #expect(
            try list.sessions == [
                expected("ses_b", "second", updated: 3, messages: 0), expected("ses_a", "first", messages: 2),
            ])
        #expect(list.isComplete && list.hasSessionStore)
    }

    @Test("Files do not count beside a database with a table of sessions, and do beside one without")
    func besideDatabase() throws {
        let state = try StateFixture()
        try Self.write(["session/prj/ses_a.json": Self.session("deleted since", updated: 2000)], state)
        try state.run("CREATE TABLE account (id)")
        #expect(try reader.sessions(of: state.storage).sessions.map(\.id) == ["ses_a"])
        try state.run(Schema.v1)
        #expect(try reader.sessions(of: state.storage).sessions.isEmpty)
    }

    @Test("A state without sessions has none")
    func none() throws {
        let state = try StateFixture()
        let list = try reader.sessions(of: state.storage)
        #expect(list.sessions.isEmpty && list.isComplete && !list.hasSessionStore)
        #expect(try reader.sessions(of: state.tree.path + "/missing/storage").sessions.isEmpty)
    }

    @Test(
        "Content that is not a session's gives a session without fields",
        arguments: [
            "", "[]", "null", "{", "\u{0}", #"{"title": 3, "directory": [], "time": 7}"#,
            #"{"title": null, "time": {"created": "x", "updated": 1e300}}"#,
            String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 10_000),
            #"{"title": "\#(String(repeating: "x", count: 70_000))"}"#,
        ])
    func hostile(_ content: String) throws {
        let state = try StateFixture()
        try Self.write(["session/prj/ses_a.json": content], state)
        #expect(
            try reader.sessions(of: state.storage).sessions == [
                expected("ses_a", nil, directory: nil, updated: nil, created: nil, messages: nil)
            ])
    }

    @Test("Links are not followed, and other kinds of files are not opened")
    func links() throws {
        let state = try StateFixture()
        try Self.write(["elsewhere/ses_x.json": Self.session("x", updated: 1)], state)
        try FileManager.default.createDirectory(
            atPath: state.storage + "/session/prj", withIntermediateDirectories: true)
        try state.tree.link("storage/session/other", to: state.storage + "/elsewhere")
        try state.tree.link("storage/session/prj/ses_y.json", to: state.storage + "/elsewhere/ses_x.json")
        #expect(mkfifo(state.storage + "/session/prj/ses_z.json", 0o600) == 0)
        #expect(try reader.sessions(of: state.storage).sessions.isEmpty)
    }

    @Test("More sessions than wanted are cut off, and the list says so")
    func limit() throws {
        let state = try StateFixture()
        for number in 0..<4 { try Self.write(["session/p\(number)/ses_\(number).json": "{}"], state) }
        let list = try SessionReader(maxSessions: 2).sessions(of: state.storage)
        #expect(list.sessions.count == 2)
        #expect(!list.isComplete)
    }
}

@Suite("Agent profiles")
struct AgentProfileTests {
    @Test("A title is cut by scalars, and half a path is no path")
    func bounds() throws {
        let session = try #require(
            AgentSession(
                id: "a", title: "e" + String(repeating: "\u{301}", count: 100_000),
                directory: "/" + String(repeating: "d", count: 5000), project: "", created: .min, updated: .max,
                messages: 1))
        #expect(session.title?.unicodeScalars.count == 200)
        #expect(session.directory == nil)
        #expect(session.project == nil)
    }

    @Test("Of two places with the same session, the one that was written to last counts")
    func merging() throws {
        let old = try expected("a", "old", updated: 1, messages: 1)
        let new = try expected("a", "new", updated: 2, messages: 2)
        let other = try expected("b", "b", updated: nil, messages: 0)
        let one = SessionList([old, other], isComplete: true, hasSessionStore: true)
        let two = SessionList([new], isComplete: false, hasSessionStore: false)
        for list in [one.merging(two), two.merging(one)] {
            #expect(list.sessions == [new, other])
            #expect(!list.isComplete && list.hasSessionStore)
        }
    }
}
