import FileIO
import Foundation
import ObjectStore
import Testing

@testable import AgentDatabase
@testable import Holdfast
@testable import Repository

/// A restore gives a database what belongs to the machine, so that it is no longer, byte for byte, what the snapshot has.
@Suite("A restored database that differs from the snapshot's")
struct RestoredDatabaseTests {
    /// What makes it differ.
    enum Difference: CaseIterable { case paths, credentials }

    /// The memory of machine `b`, which has something of its own, as `a` has saved its first session.
    private func saved(_ difference: Difference, _ body: (Fixture, DatabaseMachine, Memory) async throws -> Void)
        async throws
    {
        try await Fixture.with { fixture in
            let agent = try DatabaseMachine(fixture, "a")
            try agent.add("first")
            try #require(await fixture.memory().push().success)
            var memory = fixture.memory("b")
            switch difference {
            case .paths: memory.options.rebase = ("/agent/checkout", "/srv/work")
            case .credentials:
                // Synchronised once, logged in afterwards.
                try #require(await memory.pull().success)
                try DatabaseMachine(fixture, "b").logIn()
                try #require(await memory.push().success)
                try #require(await fixture.memory().pull().success)
                try agent.add("second")
                try #require(await fixture.memory().push().success)
            }
            try await body(fixture, agent, memory)
        }
    }

    private func check(_ fixture: Fixture, _ difference: Difference, sessions: [String]) throws {
        let database = try DatabaseMachine(fixture, "b").connection
        #expect(try database.rows("SELECT id FROM session ORDER BY id").compactMap(\.first?.string) == sessions)
        let own = try database.rows("SELECT DISTINCT directory FROM session")
        #expect(own == [[.text(difference == .paths ? "/srv/work/x" : "/agent/checkout/x")]])
        let logins = difference == .credentials ? DatabaseMachine.logins : 0
        #expect(try database.rows("SELECT count(*) FROM account") == [[.integer(Int64(logins))]])
    }

    @Test("is no change of this machine, however young the save is", arguments: Difference.allCases)
    func youngSave(_ difference: Difference) async throws {
        try await saved(difference) { fixture, agent, memory in
            let first = await memory.pull()
            #expect(first.success, "\(first)")
            let push = await memory.push()
            #expect(push.transferredObjects == 0, "\(push)")
            #expect(push.snapshot == first.snapshot)
            try agent.add("third")
            #expect(await fixture.memory().push().success)
            let pull = await memory.pull()
            #expect(pull.success, "\(pull)")
            try check(
                fixture, difference,
                sessions: difference == .paths ? ["first", "third"] : ["first", "second", "third"])
        }
    }

    /// Takes a pull up to where all databases are in place and nothing is remembered yet.
    private func pullUntilKilled(_ memory: Memory) async throws {
        let newest = try await memory.repository.newest()
        let snapshot = try #require(newest.tip)
        let entries = try #require(newest.manifest).entries
        var result = SyncResult(success: true)
        let workspace = memory.workspace
        let base = try await workspace.remembered()
        let comparison = Comparison(
            operation: .pull, base: ComparisonBase(state: base == nil ? .absent : .same, files: base?.files))
        let plan = try await DatabaseComparison(workspace: workspace, comparison: comparison, origin: base).plan(
            entries.divided().databases)
        try #require(plan.changes.count == 1)
        let now = workspace.environment.now()
        let restore = try await DatabaseRestore.stage(
            plan, workspace, takenAt: now, await KnownCensuses(workspace), &result)
        try await restore.lock()
        await workspace.announce([snapshot], restoring: true, restore.announced, takenAt: now)
        _ = try await restore.commit()
    }

    @Test(
        "is no change of this machine after a pull that was killed behind the swap",
        arguments: Difference.allCases, [true, false])
    func killed(_ difference: Difference, movedOn: Bool) async throws {
        try await saved(difference) { fixture, agent, memory in
            try await pullUntilKilled(memory)
            if movedOn {
                try agent.add("third")
                #expect(await fixture.memory().push().success)
            }
            let pull = await memory.pull()
            #expect(pull.success, "\(pull)")
            let first = difference == .paths ? ["first"] : ["first", "second"]
            try check(fixture, difference, sessions: first + (movedOn ? ["third"] : []))
            let push = await memory.push()
            #expect(push.snapshot == pull.snapshot, "\(push)")
        }
    }

    @Test("is not pushed after a pull that was killed behind the swap", arguments: Difference.allCases, [true, false])
    func pushedAfterKill(_ difference: Difference, movedOn: Bool) async throws {
        try await saved(difference) { fixture, agent, memory in
            try await pullUntilKilled(memory)
            if movedOn {
                try agent.add("third")
                #expect(await fixture.memory().push().success)
            }
            let newest = try await memory.repository.newest().tip
            let push = await memory.push()
            #expect(push.success, "\(push)")
            #expect(try await memory.repository.newest().tip?.id == newest?.id)
        }
    }

    @Test("counts as changed once somebody has written to it after such a kill")
    func changedAfterKill() async throws {
        try await saved(.paths) { fixture, agent, memory in
            try await pullUntilKilled(memory)
            try DatabaseMachine(fixture, "b").add("mine", directory: "/srv/work/x")
            let push = await memory.push()
            #expect(push.success, "\(push)")
            #expect(await fixture.memory().pull().success)
            let there = try agent.connection.rows("SELECT id FROM session ORDER BY id").compactMap(\.first?.string)
            #expect(there == ["first", "mine"])
        }
    }

    @Test("is kept where the store fell back behind this machine")
    func storeFellBack() async throws {
        try await Fixture.with { fixture in
            let agent = try DatabaseMachine(fixture, "a")
            try agent.add("first")
            let memory = fixture.memory()
            try #require(await memory.push().success)
            try agent.add("second")
            try #require(await memory.push().success)
            let newest = try #require(try await memory.repository.newest().tip)
            _ = try await fixture.store.delete([memory.repository.key(of: newest.name)])
            let pull = await memory.pull()
            #expect(pull.success, "\(pull)")
            let rows = try agent.connection.rows("SELECT id FROM session ORDER BY id").compactMap(\.first?.string)
            #expect(rows == ["first", "second"])
        }
    }
}

/// The database of one machine of a fixture, as an agent has it.
struct DatabaseMachine {
    let path: String
    let fixture: Fixture

    init(_ fixture: Fixture, _ machine: String) throws {
        self.fixture = fixture
        path = "\(fixture.folder)/\(machine)/opencode.db"
        try FileManager.default.createDirectory(atPath: fixture.storage(machine), withIntermediateDirectories: true)
        guard !FileManager.default.fileExists(atPath: path) else { return }
        let connection = try connection
        try connection.execute(DatabaseTests.schema)
    }

    /// A connection of its own each time: a restore waits for none.
    var connection: SQLiteConnection {
        get throws {
            let connection = try SQLiteConnection(path, .create)
            try connection.execute("PRAGMA foreign_keys = ON")
            return connection
        }
    }

    func add(_ session: String, directory: String = "/agent/checkout/x") throws {
        let connection = try connection
        try connection.execute("PRAGMA journal_mode = WAL")
        try connection.transaction {
            try connection.execute("INSERT INTO session VALUES ('\(session)', 'p', '\(directory)', 'title', 1)")
            for n in 0..<3 {
                let text = String(repeating: "\(session) \(n) ", count: 200)
                try connection.execute("INSERT INTO message VALUES ('\(session)-\(n)', '\(session)', 1, '\(text)')")
            }
        }
    }

    static let logins = 20

    func logIn() throws {
        // More than a page: what is left when they are taken out of an image is not what was there before.
        for number in 0..<Self.logins {
            let token = String(repeating: "fake-own-token-\(number) ", count: 40)
            try connection.execute("INSERT INTO account VALUES ('mine-\(number)', '\(token)')")
        }
    }
}
