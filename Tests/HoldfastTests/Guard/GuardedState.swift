import Foundation
import Testing

@testable import AgentDatabase
@testable import Holdfast

/// Machines whose agent keeps sessions in a database.
extension Fixture {
    /// The database of a machine, open as an agent has it.
    func openDatabase(_ machine: String = "a") throws -> SQLiteConnection {
        try FileManager.default.createDirectory(atPath: storage(machine), withIntermediateDirectories: true)
        let path = "\(folder)/\(machine)/opencode.db"
        let isNew = !FileManager.default.fileExists(atPath: path)
        let connection = try SQLiteConnection(path, .create)
        try connection.execute("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON")
        if isNew { try connection.execute(DatabaseTests.schema) }
        return connection
    }

    func addSessions(_ names: [String], on machine: String = "a", time: Int = 1) throws {
        let database = try openDatabase(machine)
        for name in names {
            try database.execute(
                "INSERT INTO session VALUES ('\(name)', 'p', '/agent/checkout', 'title of \(name)', \(time))")
            try database.execute("INSERT INTO message VALUES ('\(name)-1', '\(name)', \(time), 'text of \(name)')")
        }
    }

    func removeSessions(_ names: [String], on machine: String = "a") throws {
        let database = try openDatabase(machine)
        for name in names { try database.execute("DELETE FROM session WHERE id = '\(name)'") }
    }

    /// The sessions in a machine's database, which is sound.
    func sessions(_ machine: String = "a") throws -> Set<String> {
        let database = try SQLiteConnection("\(folder)/\(machine)/opencode.db", .read)
        #expect(try database.rows("PRAGMA integrity_check") == [[.text("ok")]])
        #expect(try database.rows("PRAGMA foreign_key_check").isEmpty)
        return Set(try database.rows("SELECT id FROM session").compactMap(\.first?.string))
    }

    /// The sessions and files that the newest snapshot has, brought to a machine of its own.
    func newest() async throws -> (sessions: Set<String>, files: Set<String>) {
        let probe = "probe-\(UInt32.random(in: .min ... .max))"
        let pull = await memory(probe).pull()
        try #require(pull.success, "\(pull)")
        let hasDatabase = FileManager.default.fileExists(atPath: "\(folder)/\(probe)/opencode.db")
        return (hasDatabase ? try sessions(probe) : [], Set(try files(probe).keys))
    }

    static func names(_ range: ClosedRange<Int>) -> [String] { range.map { "ses_\($0)" } }
}
