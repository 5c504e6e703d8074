import CSQLite

/// A connection to a database, as an agent opens it: foreign keys on, a write-ahead log, a wait for locks.
final class SQLite {
    private let handle: OpaquePointer

    /// Opens a database, which is created if it is not there.
    init(_ path: String) throws {
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
        guard let handle, code == SQLITE_OK else {
            sqlite3_close(handle)
            throw SQLiteError(code, "cannot open \(path)")
        }
        self.handle = handle
        sqlite3_busy_timeout(handle, 10_000)
    }

    deinit { sqlite3_close(handle) }

    /// The settings that OpenCode makes at each start.
    func setUp() throws {
        try run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON")
    }

    /// Runs statements without results.
    func run(_ statements: String) throws {
        let code = sqlite3_exec(handle, statements, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code, statements) }
    }

    /// Runs one statement, and returns its rows as texts; NULL is an empty text.
    @discardableResult
    func rows(_ statement: String, _ values: [Value] = []) throws -> [[String]] {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v2(handle, statement, -1, &prepared, nil)
        guard code == SQLITE_OK else { throw failure(code, statement) }
        defer { sqlite3_finalize(prepared) }
        for (number, value) in values.enumerated() {
            switch value {
            case .int(let value): sqlite3_bind_int64(prepared, Int32(number + 1), value)
            case .text(let value): csqlite_bind_text(prepared, Int32(number + 1), value, Int32(value.utf8.count))
            }
        }
        var rows: [[String]] = []
        while true {
            let code = sqlite3_step(prepared)
            if code == SQLITE_DONE { return rows }
            guard code == SQLITE_ROW else { throw failure(code, statement) }
            rows.append(
                (0..<sqlite3_column_count(prepared)).map { column in
                    sqlite3_column_text(prepared, column).map { String(cString: $0) } ?? ""
                })
        }
    }

    enum Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case int(Int64), text(String)

        init(stringLiteral value: String) { self = .text(value) }
        init(integerLiteral value: Int64) { self = .int(value) }
    }

    func hasTable(_ name: String) throws -> Bool {
        try !rows("SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?", [.text(name)]).isEmpty
    }

    func hasColumn(_ name: String, of table: String) throws -> Bool {
        try !rows("SELECT 1 FROM pragma_table_info(?) WHERE name=?", [.text(table), .text(name)]).isEmpty
    }

    /// Runs the body in a transaction.
    func transaction(_ body: () throws -> Void) throws {
        try run("BEGIN IMMEDIATE")
        do { try body() } catch {
            try? run("ROLLBACK")
            throw error
        }
        try run("COMMIT")
    }

    private func failure(_ code: Int32, _ statement: String) -> SQLiteError {
        SQLiteError(code, "\(String(cString: sqlite3_errmsg(handle))) in \(statement.prefix(200))")
    }
}

struct SQLiteError: Error, CustomStringConvertible {
    let code: Int32
    let description: String

    init(_ code: Int32, _ message: String) { (self.code, description) = (code, "SQLite \(code): \(message)") }
}
