import Basics
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

/// An agent that goes on while pushes of its database are killed, another machine whose pulls are killed, and a model of
/// what must be in either database.
struct DatabaseCrashLoop {
    private var random: SeededGenerator
    private let sandbox: Sandbox
    private let writer: Machine
    private let reader: Machine
    /// The agent at work: its connection stays open, and most of what it writes is in the log.
    private let agent: SQLiteConnection

    /// The sessions of the agent's database.
    private var local: [String] = []
    /// Those of the memory, as far as is known.
    private var saved: [String] = []
    /// Those of a push that was killed.
    private var pending: [[String]] = []
    private var pushTime = RunTime()
    private var pullTime = RunTime()
    private(set) var figures = Figures()

    struct Figures: CustomStringConvertible {
        var attempts = 0
        var killedPushes = 0
        var committed = 0
        var killedPulls = 0
        /// Killed pulls that had put the new database in place.
        var replaced = 0
        /// Killed pulls that left the image beside the database.
        var staged = 0
        var kills: Int { killedPushes + killedPulls }

        var description: String {
            "\(attempts) runs; \(killedPushes) pushes killed, \(committed) of them had committed; \(killedPulls) pulls "
                + "killed, \(staged) of them had staged an image, \(replaced) had put it in place"
        }
    }

    static let schema = """
        PRAGMA journal_mode = WAL;
        CREATE TABLE session (id text PRIMARY KEY, directory text NOT NULL, time_updated integer NOT NULL);
        CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL REFERENCES session(id), data text NOT NULL);
        CREATE TABLE account (id text PRIMARY KEY, access_token text NOT NULL);
        """

    init(_ sandbox: Sandbox, _ random: SeededGenerator) async throws {
        self.sandbox = sandbox
        self.random = random
        (writer, reader) = (Machine("writer", in: sandbox), Machine("reader", in: sandbox))
        for machine in [writer, reader] { try machine.write("migration", "2") }
        agent = try SQLiteConnection(Self.database(of: writer, in: sandbox), .create)
        try agent.execute(Self.schema)
        for _ in 0..<8 { try addSession() }
        try await push()
        try await pull()
        // From now on the reader's database differs from the snapshot's: somebody is logged in there.
        try SQLiteConnection(Self.database(of: reader, in: sandbox), .write)
            .execute("INSERT INTO account VALUES ('own', 'fake-own-token')")
        for _ in 0..<2 {
            try addSession()
            try await push()
            try await pull()
        }
    }

    private static func database(of machine: Machine, in sandbox: Sandbox) -> String {
        sandbox.path("machines/\(machine.name)/opencode.db")
    }

    private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        try #require(condition, "seed \(random.seed), run \(figures.attempts): \(message())")
    }

    // MARK: The databases

    /// Some hundred KiB in one transaction.
    private mutating func addSession() throws {
        let session = "ses_\(local.count)"
        let words = (0..<4000).map { _ in String(random.next() % 100_000, radix: 36) }.joined(separator: " ")
        try agent.transaction {
            try agent.execute("INSERT INTO session VALUES ('\(session)', '/agent/checkout', \(local.count))")
            for number in 0..<8 {
                try agent.execute("INSERT INTO message VALUES ('\(session)-\(number)', '\(session)', '\(words)')")
            }
        }
        local.append(session)
        local.sort()
    }

    /// The sessions of a database that must be whole, as another program sees it.
    private func sessions(of machine: Machine) throws -> [String] {
        let database = try SQLiteConnection(Self.database(of: machine, in: sandbox), .read)
        let check = try database.rows("PRAGMA integrity_check")
        try require(check == [[.text("ok")]], "\(machine.name): \(check)")
        let messages = try database.rows("SELECT session_id FROM message GROUP BY 1 HAVING count(*) = 8")
        let sessions = try database.rows("SELECT id FROM session ORDER BY id").compactMap(\.first?.string)
        try require(messages.count == sessions.count, "\(machine.name): sessions with some of their messages")
        return sessions
    }

    /// A killed process must leave nothing that could hold what was in a database.
    private func checkTemporaryFiles() throws {
        let left = try sandbox.tree("tmp").filter { ($0.value ?? nil)?.isEmpty == false }
        try require(left.isEmpty, "left in the temporary directory: \(left.keys.sorted())")
    }

    // MARK: Runs that are not disturbed

    private mutating func push() async throws {
        let start = ContinuousClock.now
        let run = try await writer.run("push")
        pushTime.add(ContinuousClock.now - start)
        try require(run.code == 0, "push: \(run.status) \(run.out) \(run.err)")
        (saved, pending) = (local, [])
    }

    private mutating func pull() async throws {
        let start = ContinuousClock.now
        let run = try await reader.run("pull")
        pullTime.add(ContinuousClock.now - start)
        try require(run.code == 0, "pull: \(run.status) \(run.out) \(run.err)")
        let sessions = try sessions(of: reader)
        if let found = pending.lastIndex(of: sessions) { (saved, pending) = (pending[found], []) }
        try require(sessions == saved, "pulled \(sessions), saved were \(saved)")
    }

    // MARK: Runs that are killed

    /// Kills a push and looks at the agent's database; the agent then goes on.
    mutating func killPush() async throws {
        try addSession()
        figures.attempts += 1
        let run = try await writer.run("push", killedAfter: pushTime.moment(&random))
        let wasKilled = run.code == Machine.killed
        try require(wasKilled || run.code == 0, "push: \(run.status) \(run.out) \(run.err)")
        if wasKilled { pending.append(local) } else { saved = local }
        let now = try sessions(of: writer)
        try require(now == local, "the agent had \(local), has \(now)")
        try checkTemporaryFiles()
        try addSession()
        guard wasKilled else { return }
        figures.killedPushes += 1
        let killed = local.count - 1
        try await pull()
        if saved.count == killed { figures.committed += 1 }
    }

    /// Kills a pull: the reader's database is the former one or the new one, and its own login is in either.
    mutating func killPull() async throws {
        try addSession()
        try await push()
        let before = try sessions(of: reader)
        figures.attempts += 1
        let run = try await reader.run("pull", killedAfter: pullTime.moment(&random))
        let wasKilled = run.code == Machine.killed
        try require(wasKilled || run.code == 0, "pull: \(run.status) \(run.out) \(run.err)")
        let now = try sessions(of: reader)
        try require(now == before || now == saved, "it had \(before), was to have \(saved), has \(now)")
        let own = try SQLiteConnection(Self.database(of: reader, in: sandbox), .read).rows("SELECT id FROM account")
        try require(own == [[.text("own")]], "the reader's login is gone: \(own)")
        try checkTemporaryFiles()
        if wasKilled {
            figures.killedPulls += 1
            let isStaged = try sandbox.tree("machines/reader").keys.contains { $0.hasPrefix(".holdfast-") }
            figures.staged += isStaged ? 1 : 0
            figures.replaced += now == saved ? 1 : 0
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
            try addSession()
            try await push()
        }
        try await pull()
        let left = try sandbox.tree("machines/reader").keys.filter { $0.hasPrefix(".holdfast-") }
        try require(left.isEmpty, "left beside the database: \(left)")
    }

    func finish() async throws {
        let run = try await Machine("last", in: sandbox).run("verify", "--read-data")
        try require(run.code == 0, "verify: \(run.status) \(run.out) \(run.err)")
    }
}
