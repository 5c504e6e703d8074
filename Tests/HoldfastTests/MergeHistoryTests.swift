import FileIO
import Foundation
import NIOCore
import ObjectStore
import Testing

@testable import AgentDatabase
@testable import Holdfast
@testable import Repository

/// Machines that change one table, and save with and without a pull between.
@Suite("The history of merges")
struct MergeHistoryTests {
    struct Rows {
        let fixture: Fixture
        let machine: String

        var path: String { "\(fixture.folder)/\(machine)/opencode.db" }

        func run(_ statements: String) throws {
            try FileManager.default.createDirectory(
                atPath: fixture.storage(machine), withIntermediateDirectories: true)
            let database = try SQLiteConnection(path, .create)
            try database.execute(statements)
        }

        func ids() throws -> [String] {
            let database = try SQLiteConnection(path, .read)
            return try database.rows("SELECT id FROM part ORDER BY id").compactMap(\.first?.string)
        }

        func push() async throws -> SyncResult {
            let push = await fixture.memory(machine).push()
            try #require(push.success, "\(push)")
            return push
        }

        func pull(_ policy: ConflictPolicy = .stop) async throws -> SyncResult {
            let pull = await fixture.memory(machine).pull(PullOptions(onConflict: policy))
            try #require(pull.success, "\(pull)")
            return pull
        }
    }

    static let table = "CREATE TABLE part (id text PRIMARY KEY, data text, time_updated integer);"

    /// Both have `r0` and `r1`.
    private func pair(_ fixture: Fixture) async throws -> (a: Rows, b: Rows) {
        let (a, b) = (Rows(fixture: fixture, machine: "a"), Rows(fixture: fixture, machine: "b"))
        try a.run(Self.table + "INSERT INTO part VALUES ('r0', 'x', 1), ('r1', 'x', 1)")
        _ = try await a.push()
        _ = try await b.pull()
        return (a, b)
    }

    /// All versions of a row in the snapshots of the store.
    private func versions(of row: String, _ fixture: Fixture) async throws -> Set<String> {
        let workspace = fixture.memory().workspace
        let path = try #require(DatabaseEntries.path(of: Array("opencode.db".utf8)))
        var found: Set<String> = []
        for snapshot in try await workspace.repository.history().snapshots {
            let manifest = try await workspace.repository.manifest(of: snapshot)
            let entry = try #require(manifest.entry(path))
            let copy = "\(fixture.folder)/\(snapshot.shortID)"
            let content = try await workspace.repository.content(of: entry)
            try Data(content.readableBytesView).write(to: URL(fileURLWithPath: copy))
            let rows = try SQLiteConnection(copy, .read).rows("SELECT data FROM part WHERE id = '\(row)'")
            found.formUnion(rows.compactMap(\.first?.string))
        }
        return found
    }

    @Test("A merge names the state before it as a side, which is the base of the next save")
    func side() async throws {
        try await Fixture.with { fixture in
            let (a, b) = try await pair(fixture)
            try b.run("INSERT INTO part VALUES ('rb', 'b', 2)")
            _ = try await b.push()
            try a.run("INSERT INTO part VALUES ('ra', 'a', 2)")
            let push = try await a.push()
            #expect(push.merged)
            let repository = fixture.memory().repository
            let tip = try #require(try await repository.heads().tip)
            let base = try #require(await fixture.memory("a").workspace.localState.read())
            #expect(tip.commit.sides == [base.snapshot.reference])
            #expect(try await repository.lineage(of: base.snapshot, to: repository.heads()) == .contained)
            #expect(try await repository.verify(readData: true).damages == [])
        }
    }

    @Test("A row that is deleted after a merge stays deleted, on both machines", arguments: [true, false])
    func deletedRow(own: Bool) async throws {
        try await Fixture.with { fixture in
            let (a, b) = try await pair(fixture)
            try b.run("INSERT INTO part VALUES ('rb', 'b', 2)")
            _ = try await b.push()
            try a.run("INSERT INTO part VALUES ('ra', 'a', 2)")
            _ = try await a.push()
            if own {
                try a.run("DELETE FROM part WHERE id = 'ra'")
            } else {
                _ = try await b.pull()
                try b.run("DELETE FROM part WHERE id = 'r1'")
                _ = try await b.push()
                try a.run("INSERT INTO part VALUES ('ra2', 'a', 3)")
            }
            _ = try await a.push()
            let expected = own ? ["r0", "r1", "rb"] : ["r0", "ra", "ra2", "rb"]
            let c = Rows(fixture: fixture, machine: "c")
            _ = try await c.pull()
            #expect(try c.ids() == expected)
            _ = try await a.pull(.newerWins)
            #expect(try a.ids() == expected)
            _ = try await b.pull(.newerWins)
            #expect(try b.ids() == expected)
        }
    }

    @Test("Saves that follow without a pull lose nothing that the first has merged", arguments: [1, 3])
    func again(rounds: Int) async throws {
        try await Fixture.with { fixture in
            let (a, b) = try await pair(fixture)
            try b.run("INSERT INTO part VALUES ('rb', 'b', 2)")
            _ = try await b.push()
            for round in 0...rounds {
                try a.run("INSERT INTO part VALUES ('ra\(round)', 'a', 2)")
                _ = try await a.push()
            }
            let c = Rows(fixture: fixture, machine: "c")
            _ = try await c.pull()
            #expect(try c.ids() == ["r0", "r1"] + (0...rounds).map { "ra\($0)" } + ["rb"])
            // Nothing changed: no further snapshot.
            let count = try await fixture.memory().repository.history().snapshots.count
            #expect(try await a.push().isNewSnapshot == false)
            #expect(try await fixture.memory().repository.history().snapshots.count == count)
        }
    }

    @Test("A push that saves nothing of its own keeps its base for the rows of the next one")
    func nothingOwn() async throws {
        try await Fixture.with { fixture in
            let (a, b) = try await pair(fixture)
            try b.run("INSERT INTO part VALUES ('rb', 'b', 2)")
            _ = try await b.push()
            #expect(try await a.push().isNewSnapshot == false)
            try a.run("DELETE FROM part WHERE id = 'r1'")
            _ = try await a.push()
            let c = Rows(fixture: fixture, machine: "c")
            _ = try await c.pull()
            #expect(try c.ids() == ["r0", "rb"])
        }
    }

    @Test("The version of a row that lost in a push is in a snapshot", arguments: [true, false])
    func loser(oursIsNewer: Bool) async throws {
        try await Fixture.with { fixture in
            let (a, b) = try await pair(fixture)
            try a.run("UPDATE part SET data = 'of-a', time_updated = 20 WHERE id = 'r0'")
            _ = try await a.push()
            try b.run("UPDATE part SET data = 'of-b', time_updated = \(oursIsNewer ? 30 : 10) WHERE id = 'r0'")
            _ = try await b.push()
            #expect(try await versions(of: "r0", fixture) == ["x", "of-a", "of-b"])
        }
    }

    @Test("Small saves after a merge stay small")
    func smallSaves() async throws {
        try await Fixture.with { fixture in
            let (a, b) = try await pair(fixture)
            let fill = """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
                INSERT INTO part SELECT 'p' || i, hex(randomblob(2000)), 1 FROM n
                """
            try a.run(fill)
            _ = try await a.push()
            _ = try await b.pull()
            try b.run("UPDATE part SET time_updated = 2 WHERE id = 'p1'")
            func sent(_ machine: Rows) async throws -> Int64 {
                _ = try await machine.push()
                return try #require(try await fixture.memory().repository.heads().tip).commit.newBytes
            }
            let small = try await sent(b)
            for round in 2...4 {
                try a.run("UPDATE part SET time_updated = \(round) WHERE id = 'p\(round)'")
                let sent = try await sent(a)
                #expect(sent < 10 * small, "round \(round)")
            }
        }
    }

    @Test("Databases without a common schema stay side by side, each with a line of its own")
    func fork() async throws {
        try await Fixture.with { fixture in
            let (a, b) = (Rows(fixture: fixture, machine: "a"), Rows(fixture: fixture, machine: "b"))
            try a.run("CREATE TABLE t (a text PRIMARY KEY, x text NOT NULL); INSERT INTO t VALUES ('of-a', 'x')")
            try b.run("CREATE TABLE t (b integer PRIMARY KEY, y blob); INSERT INTO t VALUES (7, 'y')")
            _ = try await a.push()
            let repository = fixture.memory().repository
            for round in 0..<3 {
                if round > 0 { try b.run("INSERT INTO t VALUES (\(round), 'y')") }
                let push = await fixture.memory("b").push()
                #expect(push.apart != nil)
                let heads = try await repository.heads()
                try #require(heads.snapshots.count == 2, "round \(round)")
                let own = try #require(heads.snapshots.first { $0.commit.writer == "b" })
                #expect(own.commit.passedOver.map(\.reason) == [.unmergeable])
                #expect(push.snapshot == own.id.hexadecimal)
            }
            // The other line goes on as well.
            try a.run("INSERT INTO t VALUES ('more', 'x')")
            #expect(await fixture.memory("a").push().apart != nil)
            try #require(try await repository.heads().snapshots.count == 2)
            // Each machine stays in its line.
            for machine in [a, b] {
                let pull = await fixture.memory(machine.machine).pull()
                #expect(pull.success, "\(pull)")
            }
            #expect(try SQLiteConnection(a.path, .read).rows("SELECT count(*) FROM t") == [[.integer(2)]])
            #expect(try SQLiteConnection(b.path, .read).rows("SELECT count(*) FROM t") == [[.integer(3)]])
            #expect(try await repository.verify(readData: true).damages == [])
        }
    }
}
