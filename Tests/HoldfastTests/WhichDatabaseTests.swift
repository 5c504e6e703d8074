import FileIO
import Foundation
import Repository
import Testing

@testable import AgentDatabase
@testable import AgentFiles
@testable import Holdfast

@Suite("The database of a machine")
struct WhichDatabaseTests {
    private func make(_ path: String, _ rows: [String]) throws {
        try FileManager.default.createDirectory(
            atPath: DatabaseScan.dataDirectory(of: path), withIntermediateDirectories: true)
        let database = try SQLiteConnection(path, .create)
        try database.execute("CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY)")
        for row in rows { try database.execute("INSERT INTO session VALUES ('\(row)')") }
    }

    private func rows(_ path: String) throws -> [String] {
        try SQLiteConnection(path, .read).rows("SELECT id FROM session ORDER BY id").compactMap(\.first?.string)
    }

    private func stored(_ fixture: Fixture) async throws -> [String] {
        try await fixture.memory().repository.newest().manifest?.entries.map(\.path.description) ?? []
    }

    @Test(
        "that OPENCODE_DB names by an absolute path is what other machines call opencode.db", arguments: [true, false])
    func absolute(isHere: Bool) async throws {
        try await Fixture.with { fixture in
            let elsewhere = "\(fixture.folder)/elsewhere/oc.db"
            let (from, to) =
                isHere ? ("\(fixture.folder)/a/opencode.db", elsewhere) : (elsewhere, "\(fixture.folder)/b/opencode.db")
            try make(from, ["one"])
            try fixture.write(["f": "1"])
            var (a, b) = (fixture.memory(), fixture.memory("b"))
            if isHere { b.options.database = elsewhere } else { a.options.database = elsewhere }
            let push = await a.push()
            #expect(push.success, "\(push)")
            #expect(try await stored(fixture) == ["@data/opencode.db", "f"])
            let pull = await b.pull()
            #expect(pull.success, "\(pull)")
            #expect(try rows(to) == ["one"])
            #expect(FileManager.default.fileExists(atPath: "\(fixture.folder)/b/opencode.db") == !isHere)
        }
    }

    @Test("that OPENCODE_DB does not name is neither saved nor touched, and named")
    func besides() async throws {
        try await Fixture.with { fixture in
            try make("\(fixture.folder)/a/opencode.db", ["beside"])
            try make("\(fixture.folder)/else/opencode.db", ["named"])
            try fixture.write(["f": "1"])
            var memory = fixture.memory()
            memory.options.database = "\(fixture.folder)/else/opencode.db"
            let push = await memory.push()
            #expect(push.success, "\(push)")
            #expect(push.warnings.contains { $0.contains("'\(fixture.folder)/a/opencode.db'") }, "\(push.warnings)")
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(try rows("\(fixture.folder)/b/opencode.db") == ["named"])
            #expect(try rows("\(fixture.folder)/a/opencode.db") == ["beside"])
        }
    }

    @Test(
        "that is a link is saved, and restored at its target",
        arguments: [PathOperation.pull, .force, .restore, .watch])
    func link(_ operation: PathOperation) async throws {
        try await Fixture.with { fixture in
            let (path, target) = ("\(fixture.folder)/b/opencode.db", "\(fixture.folder)/disk/real.db")
            try make(target, ["one"])
            try fixture.write(["f": "1"], on: "b")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
            #expect(await fixture.memory("b").push().success)
            #expect(await fixture.memory("a").pull().success)
            #expect(try rows("\(fixture.folder)/a/opencode.db") == ["one"])
            try make("\(fixture.folder)/a/opencode.db", ["two"])
            #expect(await fixture.memory("a").push().success)
            let result = try await TruthTableCell(
                operation: operation, base: .same, here: .same, store: .changed
            ).run(fixture)
            #expect(result.error == nil, "\(result)")
            #expect(try FileStatus.at(path).kind == .link)
            #expect(try rows(target) == ["one", "two"])
        }
    }

    @Test("in a conflict copy or a backup does not travel, and is not deleted where it is stored")
    func copies() async throws {
        try await Fixture.with { fixture in
            try make("\(fixture.folder)/a/opencode.db", ["one"])
            try make("\(fixture.folder)/a/opencode-beta.db", ["beta"])
            try fixture.write(["f": "1"])
            #expect(await fixture.memory().push().success)
            var memory = fixture.memory()
            memory.options.exclusions = Exclusions(excluding: [try #require(Glob("opencode-beta.db"))])
            try make("\(fixture.folder)/a/opencode (conflicted copy).db", ["copy"])
            try make("\(fixture.folder)/a/opencode.db", ["two"])
            let push = await memory.push()
            #expect(push.success, "\(push)")
            #expect(try await stored(fixture) == ["@data/opencode-beta.db", "@data/opencode.db", "f"])
            for name in ["opencode-beta.db", "opencode (conflicted copy).db"] {
                #expect(push.warnings.contains { $0.contains(name) }, "\(push.warnings)")
            }
            // A machine that leaves it out, too, neither gets it nor removes it.
            var other = fixture.memory("b")
            other.options.exclusions = memory.options.exclusions
            #expect(await other.pull().success)
            #expect(FileManager.default.fileExists(atPath: "\(fixture.folder)/b/opencode-beta.db") == false)
            try make("\(fixture.folder)/b/opencode.db", ["three"])
            let second = await other.push()
            #expect(second.success, "\(second)")
            #expect(try await stored(fixture) == ["@data/opencode-beta.db", "@data/opencode.db", "f"])
            #expect(try await other.status().difference.isEmpty)
        }
    }

    @Test("that nobody wrote to since the push is the same for status, however young it is")
    func statusAfterPush() async throws {
        try await Fixture.with { fixture in
            try make("\(fixture.folder)/a/opencode.db", ["one"])
            #expect(await fixture.memory().push().success)
            #expect(try await fixture.memory().status().difference.isEmpty)
            try make("\(fixture.folder)/a/opencode.db", ["two"])
            #expect(
                try await fixture.memory().status().difference.changed.map(\.new.path.description) == [
                    "@data/opencode.db"
                ])
        }
    }

    @Test("that never had the files of the store has removed none of them")
    func freshStatus() async throws {
        try await Fixture.with { fixture in
            try make("\(fixture.folder)/a/opencode.db", ["one"])
            try fixture.write(["f": "1", "g": "2"])
            #expect(await fixture.memory().push().success)
            let fresh = try await fixture.memory("b").status().difference
            #expect(fresh.removed.isEmpty)
            #expect(fresh.notHere.count == 3)
            #expect(fresh.isEmpty == false)
            #expect(await fixture.memory("b").pull().success)
            try fixture.remove("f", on: "b")
            let after = try await fixture.memory("b").status().difference
            #expect(after.removed.map(\.path.description) == ["f"])
            #expect(after.notHere.isEmpty)
        }
    }
}
