import Basics
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("The command says of a local database", .timeLimit(.minutes(5)))
struct LocalDatabaseTests {
    private func path(_ machine: Machine) -> String { machine.sandbox.path("machines/\(machine.name)/opencode.db") }

    private func make(_ machine: Machine, _ rows: [String]) throws -> SQLiteConnection {
        try machine.write("f", "1")
        let database = try SQLiteConnection(path(machine), .create)
        try database.execute("PRAGMA journal_mode = DELETE; CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY)")
        for row in rows { try database.execute("INSERT INTO session VALUES ('\(row)')") }
        return database
    }

    /// Advice that would cost a user the database.
    private func destroys(_ text: String) -> Bool {
        ["rename or remove", "delete", "remove the database"].contains { text.lowercased().contains($0) }
    }

    @Test("That it is locked, by whom, and that it may pass", arguments: [["push"], ["pull"], ["pull", "--force"]])
    func locked(_ arguments: [String]) async throws {
        try await Sandbox.run { sandbox in
            let (a, b) = (Machine("a", in: sandbox), Machine("b", in: sandbox))
            _ = try make(a, ["one"])
            #expect(try await a.run("push").code == 0)
            let agent = try make(b, ["own"])
            try agent.execute("BEGIN EXCLUSIVE")
            let run = try await b.sandbox.program(Sandbox.binary, arguments)
            #expect(run.code == 75, "\(run.err)")
            #expect(run.err.contains("'\(path(b))'"), "\(run.err)")
            #expect(run.err.contains("(process \(ProcessInfo.processInfo.processIdentifier))"), "\(run.err)")
            #expect(!destroys(run.err), "\(run.err)")
            try agent.execute("COMMIT")
            #expect(try agent.rows("SELECT id FROM session") == [[.text("own")]])
        }
    }

    @Test("That an idle agent has it open, which --force respects, too", arguments: [["pull"], ["pull", "--force"]])
    func open(_ arguments: [String]) async throws {
        try await Sandbox.run { sandbox in
            let (a, b) = (Machine("a", in: sandbox), Machine("b", in: sandbox))
            let writer = try make(a, ["one"])
            #expect(try await a.run("push").code == 0)
            #expect(try await b.run("pull").code == 0)
            try writer.execute("INSERT INTO session VALUES ('two')")
            #expect(try await a.run("push").code == 0)
            // It holds no lock between two statements.
            let agent = try SQLiteConnection(path(b), .write)
            #expect(try agent.rows("SELECT count(*) FROM session") == [[.integer(1)]])
            let run = try await b.sandbox.program(Sandbox.binary, arguments)
            #expect(run.code == 75, "\(run.err)")
            #expect(run.err.contains("(process \(ProcessInfo.processInfo.processIdentifier))"), "\(run.err)")
            #expect(try agent.rows("SELECT count(*) FROM session") == [[.integer(1)]])
            let restore = try await b.run("restore", "--json")
            #expect(restore.code == 0)
            #expect(try restore.json["status"].string == "hit", "\(restore.out)")
            #expect(restore.err.contains("it stays as it is"), "\(restore.err)")
        }
    }

    @Test("That no temporary file can be made, and where")
    func temporaryDirectory() async throws {
        try await Sandbox.run { sandbox in
            let a = Machine("a", in: sandbox)
            _ = try make(a, ["one"])
            var own = a.sandbox
            own.environment["TMPDIR"] = sandbox.path("nowhere")
            let run = try await own.program(Sandbox.binary, ["push"])
            #expect(run.code == 1, "\(run.err)")
            #expect(run.err.contains("TMPDIR") && run.err.contains(sandbox.path("nowhere")), "\(run.err)")
            #expect(!destroys(run.err), "\(run.err)")
            #expect(!run.err.contains(".tmp"), "\(run.err)")
        }
    }

    @Test("That it is unknown, where status cannot read it")
    func unknown() async throws {
        try await Sandbox.run { sandbox in
            let a = Machine("a", in: sandbox)
            _ = try make(a, ["one"])
            #expect(try await a.run("push").code == 0)
            let same = try await a.run("status", "--json")
            #expect(try same.json["identical"].bool == true, "\(same.out)")
            try Data(SeededGenerator.noise(9000)).write(to: URL(fileURLWithPath: path(a)))
            let status = try await a.run("status", "--json")
            #expect(try status.json["identical"].bool == false)
            #expect(
                try status.json["local"]["unknown"].array?.first?["path"].string == "@data/opencode.db", "\(status.out)"
            )
            #expect(try status.json["local"]["changed"] == .array([]))
            #expect(try status.json["local"]["removed"] == .array([]))
            #expect(try await a.run("status").out.contains("1 unknown here"))
        }
    }

    @Test("That it cannot be compared, where the store has nothing newer", arguments: ["pull", "restore", "force"])
    func encrypted(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            let a = Machine("a", in: sandbox)
            _ = try make(a, ["one"])
            #expect(try await a.run("push").code == 0)
            let noise = Data(SeededGenerator.noise(9000))
            try noise.write(to: URL(fileURLWithPath: path(a)))
            let run = try await a.sandbox.program(
                Sandbox.binary, command == "force" ? ["pull", "--force"] : [command])
            #expect(run.code == (command == "pull" ? 75 : 0), "\(run.out) \(run.err)")
            #expect(run.err.contains("encrypted, or no SQLite database"), "\(run.err)")
            #expect(!destroys(run.err), "\(run.err)")
            guard command == "force" else {
                #expect(try Data(contentsOf: URL(fileURLWithPath: path(a))) == noise)
                return
            }
            #expect(try SQLiteConnection(path(a), .read).rows("SELECT id FROM session") == [[.text("one")]])
            let kept = try sandbox.tree("machines/a").filter { $0.key.contains("opencode.db.replaced-") }
            #expect(kept.values.map { $0 } == [noise])
        }
    }

    @Test("That this machine never had the files of the store, where it is fresh")
    func fresh() async throws {
        try await Sandbox.run { sandbox in
            let (a, b) = (Machine("a", in: sandbox), Machine("b", in: sandbox))
            _ = try make(a, ["one"])
            #expect(try await a.run("push").code == 0)
            let status = try await b.run("status")
            #expect(status.out.contains("2 files in the store that this machine never had"), "\(status.out)")
            #expect(!status.out.contains("removed"))
        }
    }

    @Test("That --exclude leaves it out", arguments: [true, false])
    func exclude(byOption: Bool) async throws {
        try await Sandbox.run { sandbox in
            let a = Machine("a", in: sandbox)
            _ = try make(a, ["one"])
            try a.write("cache/x", "2")
            var own = a.sandbox
            if !byOption { own.environment["HOLDFAST_EXCLUDE"] = "opencode.db,cache/**" }
            let options = byOption ? ["--exclude", "opencode.db", "--exclude", "cache/**"] : []
            let push = try await own.program(Sandbox.binary, ["push"] + options)
            #expect(push.code == 0, "\(push.err)")
            #expect(push.err.contains("opencode.db"))
            let list = try await a.run("ls")
            #expect(list.out.contains(" f\n") && !list.out.contains("cache") && !list.out.contains("opencode.db"))
        }
    }
}

extension SeededGenerator {
    /// What an encrypted file looks like.
    static func noise(_ count: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: 7)
        return generator.bytes(count)
    }
}
