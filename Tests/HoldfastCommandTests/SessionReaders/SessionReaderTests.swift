import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Readers that others wrote", .timeLimit(.minutes(5)))
struct SessionReaderTests {
    @Test(
        "The reader agrep lists the same sessions before a save and after",
        arguments: ["v1", "v2"], SessionStory.allCases)
    func agrep(_ schema: String, _ story: SessionStory) async throws { try await story.play(schema, for: .agrep) }

    @Test(
        "The reader opencode-db lists the same sessions before a save and after",
        .enabled("needs Python 3.12 or newer, and none was found") {
            try await SessionReader.opencodeDB.interpreter() != nil
        },
        arguments: ["v1", "v2"], SessionStory.allCases)
    func opencodeDB(_ schema: String, _ story: SessionStory) async throws {
        try await story.play(schema, for: .opencodeDB)
    }
}

/// A way in which saved sessions come back.
enum SessionStory: String, CaseIterable {
    case restore, mergeOfTwoVersions, rollback

    func play(_ schema: String, for reader: SessionReader) async throws {
        var random = SeededGenerator.forTest()
        try await Sandbox.run { sandbox in
            let home = try await AgentHome("a", schema: schema, seed: random.next() % 1000, in: sandbox)
            let play = Play(sandbox: sandbox, home: home, reader: reader)
            switch self {
            case .restore: try await play.restore()
            case .mergeOfTwoVersions: try await play.merge(seed: random.next() % 1000)
            case .rollback: try await play.rollback(seed: random.next() % 1000)
            }
        }
    }
}

/// A story on one machine, or on two, seen by one reader.
private struct Play {
    let sandbox: Sandbox
    let home: AgentHome
    let reader: SessionReader

    /// A second machine with nothing on it.
    private var other: Sandbox {
        var other = sandbox.machine("b")
        other.environment["HOLDFAST_STORAGE"] = sandbox.path("b/opencode/storage")
        return other
    }

    func restore() async throws {
        let before = try await sessions("a")
        try await run(home.sandbox, "push")
        #expect(try await sessions("a") == before, "a save changed the database")
        try home.wipe()
        try await run(home.sandbox, "restore")
        #expect(try await sessions("a") == before)
        try await run(other, "pull")
        #expect(try await sessions("b") == before)
    }

    /// One machine goes on with the agent as it was, the other with a newer one, which has migrated the database.
    func merge(seed: UInt64) async throws {
        try await run(home.sandbox, "push")
        try await run(other, "pull")
        try await home.mutate(seed: seed)
        try start("ses_only_on_a", on: "a")
        try migrate("b")
        try start("ses_only_on_b", on: "b")
        let (a, b) = (try await sessions("a"), try await sessions("b"))
        let merged = a.merging(b.filter { a[$0.key] == nil }) { own, _ in own }
        try #require(merged.count == a.count + 1 && merged.count == b.count + 1)

        try await run(home.sandbox, "push")
        try await run(other, "push")
        try await run(other, "pull")
        #expect(try await sessions("b") == merged, "the newer agent's machine")
        try await run(home.sandbox, "pull")
        #expect(try await sessions("a") == merged, "the older agent's machine")
    }

    func rollback(seed: UInt64) async throws {
        let first = try await sessions("a")
        let snapshot = try await push()
        try await home.mutate(seed: seed)
        try start("ses_later", on: "a")
        try drop(try #require(first.keys.sorted().first), on: "a")
        let second = try await sessions("a")
        try #require(Set(second.keys) != Set(first.keys))
        let later = try await push()
        for (target, expected) in [(snapshot, first), (later, second)] {
            try await run(home.sandbox, "rollback", target)
            // Most files are younger than the first snapshot.
            try await run(home.sandbox, "pull", "--allow-shrink")
            #expect(try await sessions("a") == expected)
        }
    }

    private func sessions(_ machine: String) async throws -> [String: String] {
        try await reader.sessions(of: "\(machine)/opencode", in: sandbox)
    }

    private func run(_ machine: Sandbox, _ arguments: String...) async throws {
        let run = try await machine.program(Sandbox.binary, arguments)
        try #require(run.code == 0, "\(arguments): \(run.status) \(run.out) \(run.err)")
    }

    private func push() async throws -> String {
        let push = try await home.sandbox.holdfast("push", "--json")
        try #require(push.code == 0, "\(push.err)")
        return try #require(try push.json["snapshot"].string)
    }

    // MARK: What agents do

    private func open(_ machine: String) throws -> (database: SQLiteConnection, isSecond: Bool) {
        let path = sandbox.path("\(machine)/opencode/opencode.db")
        return (try SQLiteConnection(path, .write), try SessionReader.hasTable("session_v2", path))
    }

    /// Begins a session with one question.
    private func start(_ id: String, on machine: String) throws {
        let (database, isSecond) = try open(machine)
        let columns = "project_id, slug, directory, title, version, time_created, time_updated"
        let table = isSecond ? "session_v2" : "session"
        let message =
            isSecond
            ? """
            INSERT INTO session_message VALUES('msg_\(id)', '\(id)', 'user', 0, 1800000000000, 1800000000000,
                '{"type":"user","text":"a question in \(id)","time":{"created":1800000000000}}')
            """
            : """
            INSERT INTO message VALUES('msg_\(id)', '\(id)', 1800000000000, 1800000000000,
                '{"role":"user","time":{"created":1800000000000}}');
            INSERT INTO part VALUES('prt_\(id)', 'msg_\(id)', '\(id)', 1800000000000, 1800000000000,
                '{"type":"text","text":"a question in \(id)"}')
            """
        try database.execute(
            """
            INSERT INTO \(table)(id, \(columns)) SELECT '\(id)', project_id, 'slug', directory, 'title of \(id)', version,
                1800000000000, 1800000000000 FROM \(table) LIMIT 1;
            \(message)
            """)
    }

    private func drop(_ id: String, on machine: String) throws {
        let (database, isSecond) = try open(machine)
        try database.execute(
            "PRAGMA foreign_keys = ON; DELETE FROM \(isSecond ? "session_v2" : "session") WHERE id = '\(id)'")
    }

    /// Brings the database to the next version of the agent: one more column.
    private func migrate(_ machine: String) throws {
        let (database, isSecond) = try open(machine)
        try database.execute(
            """
            ALTER TABLE \(isSecond ? "session_v2" : "session") ADD COLUMN time_idle integer;
            INSERT INTO __drizzle_migrations VALUES(5, '', 1800000000000, '20260501000000_session_idle', NULL)
            """)
    }
}
