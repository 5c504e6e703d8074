import FileIO
import Foundation
import Testing

@testable import AgentDatabase
@testable import Holdfast

@Suite("RFC-002's look at a restored state")
struct StateCheckTests {
    private func check(_ fixture: Fixture) async throws -> StateFault? {
        try await StateCheck(storage: fixture.storage(), database: nil).run()
    }

    @Test("A sound state, and none at all, are fine")
    func sound() async throws {
        try await Fixture.with { fixture in
            #expect(try await check(fixture) == nil)
            try fixture.write([
                "session/p/ses_1.json": "{}", "message/a.json": "{}", "notes.txt": "", ".version": "1\n",
                // Not the directory of the sessions, which is at the top.
                "project/session": "x",
            ])
            #expect(try await check(fixture) == nil)
        }
    }

    @Test(
        "A broken state is corrupt, and the reason says where",
        arguments: [
            (["sessions": "x"], "'sessions' is not a directory"), (["session": "x"], "'session' is not a directory"),
            (["message/m/1.json": ""], "'message/m/1.json' is empty"),
        ])
    func corrupt(_ files: [String: String], reason: String) async throws {
        try await Fixture.with { fixture in
            if files["session"] == nil { try fixture.write(["session/p/ses_1.json": "{}"]) }
            try fixture.write(files)
            let fault = try await check(fixture)
            #expect(fault?.kind == .corrupt)
            #expect(fault?.reason == reason)
        }
    }

    @Test("A file in the place of the storage directory is corrupt")
    func noDirectory() async throws {
        try await Fixture.with { fixture in
            try FileManager.default.createDirectory(
                atPath: "\(fixture.folder)/a", withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: fixture.storage()))
            #expect(try await check(fixture)?.kind == .corrupt)
        }
    }

    @Test(
        "A database that fails quick_check is corrupt, and is not changed by the look at it", arguments: [true, false])
    func database(_ isDamaged: Bool) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["session/a.json": "{}"])
            let path = "\(fixture.folder)/a/opencode.db"
            let database = try SQLiteConnection(path, .create)
            try database.execute("CREATE TABLE t (a text); CREATE INDEX i ON t (a)")
            for n in 0..<400 {
                try database.execute("INSERT INTO t VALUES ('\(String(repeating: "\(n)", count: 50))')")
            }
            if isDamaged {
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                try file.seek(toOffset: 3 * 4096)
                try file.write(contentsOf: Data(repeating: 0xFF, count: 4000))
                try file.close()
            }
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let fault = try await check(fixture)
            #expect((fault != nil) == isDamaged)
            if isDamaged {
                #expect(fault?.kind == .corrupt)
                #expect(fault?.reason.contains("opencode.db") == true)
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }

    @Test(
        "A marker of another version is another version; none, or ours, is ours",
        arguments: [("1", true), ("1\n", true), (" 1 ", true), ("2", false), ("", false), ("1.0", false), ("x", false)])
    func version(_ marker: String, isOurs: Bool) async throws {
        try await Fixture.with { fixture in
            try fixture.write([".version": marker])
            #expect(try await check(fixture)?.kind == (isOurs ? nil : .version))
        }
    }

    @Test("The marker is written where there is none, and never over another")
    func marking() async throws {
        try await Fixture.with { fixture in
            try await StorageVersion.write(in: fixture.storage())
            #expect(try fixture.files() == [".version": "1"])
            try fixture.write([".version": "2"])
            try await StorageVersion.write(in: fixture.storage())
            #expect(try fixture.files() == [".version": "2"])
        }
    }

    /// What a pull says of the files that are here after it, without another look at them.
    @Test(
        "A pull knows what a look would say",
        arguments: [
            (store: ["message/a.json": "{}"], here: [:]), (["message/a.json": ""], [:]), (["session": "x"], [:]),
            (["message/a.json": "{}"], ["message/b.json": ""]), (["message/a.json": "{}"], ["sessions": "x"]),
            // The empty one is replaced.
            (["message/a.json": "{}"], ["message/a.json": ""]), (["message/a.json": ""], ["message/a.json": "{}"]),
        ] as [(store: [String: String], here: [String: String])])
    func afterPull(_ store: [String: String], _ here: [String: String]) async throws {
        try await Fixture.with { fixture in
            try fixture.write(store, on: "b")
            #expect(await fixture.memory("b").push().success)
            try fixture.write(here)
            let result = await fixture.memory().pull(PullOptions(onConflict: .storeWins))
            #expect(result.success)
            try #require(result.files != .unknown)
            let known = StateCheck(storage: fixture.storage(), database: nil)
            #expect(try await known.run(knowing: result.files) == known.run())
        }
    }
}
