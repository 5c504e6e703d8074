import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

/// A program by others that lists the sessions in an agent's database.
enum SessionReader: Sendable {
    /// Keeps an index of what it reads, and counts turns.
    case agrep
    /// Reads the tables at once, and counts messages; needs Python 3.12.
    case opencodeDB

    /// Lists the sessions in the database of a data directory, which is left as it is.
    /// - Returns: by the id of each session what the reader says about it.
    func sessions(of data: String, in sandbox: Sandbox) async throws -> [String: String] {
        let home = "reader-\(UUID().uuidString)"
        let database = try Self.copy(data, to: "\(home)/.local/share/opencode", in: sandbox)
        let found =
            switch self {
            case .agrep: try await agrep(home, in: sandbox)
            case .opencodeDB: try await opencodeDB(home, database, in: sandbox)
            }
        let table = try Self.hasTable("session_v2", database) ? "session_v2" : "session"
        let count = try SQLiteConnection(database, .read).rows("SELECT id FROM \(table)").count
        try #require(found.count == count, "the reader lists \(found.count) of \(count) sessions")
        return found
    }

    private func agrep(_ home: String, in sandbox: Sandbox) async throws -> [String: String] {
        let index = try await run(["-m", "agrep", "index"], home, in: sandbox)
        try #require(index.code == 0, "\(index.out) \(index.err)")
        let list = try await run(
            ["-m", "agrep", "chats", "-n", "0", "--json", "--side", "--no-auto", "--agent", "opencode"], home,
            in: sandbox)
        try #require(list.code == 0, "\(list.out) \(list.err)")
        let lines = try list.out.split(separator: "\n").map {
            try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
        }
        return try Dictionary(
            uniqueKeysWithValues: lines.filter { $0["kind"].string != "agrep-meta" }.map {
                (try #require($0["session"].string), "\($0["turns"]) turns, '\($0["first_text"].string ?? "")'")
            })
    }

    private func opencodeDB(
        _ home: String, _ database: String, in sandbox: Sandbox
    ) async throws -> [String: String] {
        let list = try await run(
            ["-m", "opencode_db", "--db-path", database, "list", "--all", "--json"], home, in: sandbox)
        try #require(list.code == 0, "\(list.out) \(list.err)")
        let sessions = try #require(
            try JSONDecoder().decode(JSONValue.self, from: Data(list.out.utf8)).array, "\(list.out)")
        return try Dictionary(
            uniqueKeysWithValues: sessions.map {
                (try #require($0["id"].string), "\($0["messages"]) messages, '\($0["title"].string ?? "")'")
            })
    }

    private func run(_ arguments: [String], _ home: String, in sandbox: Sandbox) async throws -> Finished {
        let interpreter = try #require(try await interpreter())
        return try await sandbox.program(
            interpreter, arguments,
            with: [
                "HOME": sandbox.path(home), "PYTHONPATH": Self.packages, "AGREP_NO_DAEMON": "1", "AGREP_NO_FETCH": "1",
            ])
    }

    /// The Python that runs this reader; `nil` if there is none.
    func interpreter() async throws -> String? {
        guard self == .opencodeDB else { return Project.folder.appendingPathComponent(".venv/bin/python").path }
        return try await Sandbox.run { sandbox in
            var own = sandbox
            own.environment.merge(ProcessInfo.processInfo.environment.filter { $0.key == "PATH" || $0.key == "HOME" }) {
                $1
            }
            let script = Project.folder.appendingPathComponent("scripts/python.sh").path
            let found = try await own.program("bash", ["-c", ". \"$1\" && find_python 3 12", "bash", script])
            return found.code == 0 ? found.out.trimmingCharacters(in: .whitespacesAndNewlines) : nil
        }
    }

    private static var packages: String { Project.folder.appendingPathComponent(".venv/readers").path }

    /// Copies a database with its log, and brings the log into the copy: agrep reads no log without its index.
    private static func copy(_ data: String, to directory: String, in sandbox: Sandbox) throws -> String {
        for suffix in ["", "-wal"] where sandbox.exists("\(data)/opencode.db\(suffix)") {
            let content = try Data(contentsOf: URL(fileURLWithPath: sandbox.path("\(data)/opencode.db\(suffix)")))
            try sandbox.write("\(directory)/opencode.db\(suffix)", content)
        }
        let path = sandbox.path("\(directory)/opencode.db")
        try SQLiteConnection(path, .write).execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE")
        return path
    }

    static func hasTable(_ name: String, _ database: String) throws -> Bool {
        try !SQLiteConnection(database, .read).rows(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", [.text(name)]
        ).isEmpty
    }
}
