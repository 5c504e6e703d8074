import FileIO
import Foundation
import Repository
import Testing

@testable import AgentDatabase
@testable import Holdfast

@Suite("A database that a push leaves out")
struct LeftOutDatabaseTests {
    /// A machine whose database and file are saved.
    private func with(_ body: (Fixture, SQLiteConnection) async throws -> Void) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1"])
            let database = try SQLiteConnection("\(fixture.folder)/a/opencode.db", .create)
            try database.execute("PRAGMA journal_mode = WAL")
            try database.execute(DatabaseTests.schema)
            // One that is in no snapshot yet is never left out.
            let first = await fixture.memory().push { _ in true }
            try #require(first.success, "\(first)")
            try #require(first.leftOutDatabases.isEmpty)
            try await body(fixture, database)
        }
    }

    private func projects(_ fixture: Fixture) async throws -> Int64? {
        try? FileManager.default.removeItem(atPath: "\(fixture.folder)/b")
        let pull = await fixture.memory("b").pull()
        try #require(pull.success, "\(pull)")
        let copy = try SQLiteConnection("\(fixture.folder)/b/opencode.db", .read)
        return try copy.rows("SELECT count(*) FROM project").first?.first?.integer
    }

    @Test("stays as it is in the snapshot, while the files beside it are saved, until a push takes it")
    func leftOut() async throws {
        try await with { fixture, database in
            try database.execute("INSERT INTO project VALUES ('q', '/x', 2)")
            try fixture.write(["a": "2"])
            let without = await fixture.memory().push { _ in true }
            #expect(without.success, "\(without)")
            #expect(without.leftOutDatabases == ["\(fixture.folder)/a/opencode.db"])
            #expect(without.objectCount == 2)
            #expect(try await projects(fixture) == 1)
            #expect(try fixture.files("b") == ["a": "2"])
            let with = await fixture.memory().push()
            #expect(with.leftOutDatabases.isEmpty)
            #expect(try await projects(fixture) == 2)
        }
    }

    @Test("makes no snapshot if nothing else has changed")
    func nothingElse() async throws {
        try await with { fixture, database in
            let before = try await fixture.memory().repository.newest().tip?.id
            try database.execute("INSERT INTO project VALUES ('q', '/x', 2)")
            #expect(await fixture.memory().push { _ in true }.success)
            #expect(try await fixture.memory().repository.newest().tip?.id == before)
        }
    }
}
