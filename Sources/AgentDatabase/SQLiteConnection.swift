import Basics
import CSQLite

/// A connection to an SQLite database. Every method blocks.
package final class SQLiteConnection: Sendable {
    enum Mode {
        /// Reads the database as others leave it. It may make the `-shm` file that readers of a WAL database need.
        case read
        /// Changes a file that nobody else uses, such as an image on its way.
        case write
        /// Changes such a file, and attaches others, whose names are URIs if they begin with `file:`.
        case attach
        /// Makes an empty database.
        case create

        fileprivate var flags: Int32 {
            switch self {
            // A reader of a WAL database has to write its shared memory; `query_only` keeps it from the rest.
            case .read, .write: SQLITE_OPEN_READWRITE
            case .attach: SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        }
    }

    let path: String
    /// Guarded by the mutex that SQLite gives a connection on request.
    nonisolated(unsafe) let handle: OpaquePointer

    /// - Throws: ``SQLiteError``.
    init(_ path: String, _ mode: Mode) throws(SQLiteError) {
        self.path = path
        var opened: OpaquePointer?
        let flags = mode.flags | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            let error = SQLiteError(code, opened, path: path)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        // Also where opening made no promise about it yet: closing must leave a live database as it is.
        _ = csqlite_no_checkpoint_on_close(handle)
        sqlite3_busy_timeout(handle, 5000)
        do throws(SQLiteError) {
            switch mode {
            case .read: try execute("PRAGMA query_only = ON")
            case .write, .attach, .create: break
            }
        } catch {
            sqlite3_close_v2(handle)
            throw error
        }
    }

    deinit { sqlite3_close_v2(handle) }

    /// Runs statements that give no rows, or whose rows do not matter.
    /// - Throws: ``SQLiteError``.
    func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// Compiles one statement.
    /// - Throws: ``SQLiteError``.
    package func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement { try SQLiteStatement(sql, in: self) }

    /// All rows of a query that gives few.
    /// - Throws: ``SQLiteError``.
    package func rows(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) -> [[SQLiteValue]] {
        let statement = try prepare(sql)
        try statement.bind(values)
        var rows: [[SQLiteValue]] = []
        while try statement.step() { rows.append(statement.row) }
        return rows
    }

    /// The rows that the last statement has inserted, changed or deleted.
    var changes: Int { Int(sqlite3_changes(handle)) }

    /// Runs nothing that the database brings along: no trigger and no view; no foreign key acts. For a database that
    /// others may have written.
    /// - Throws: ``SQLiteError``.
    package func distrust() throws(SQLiteError) {
        let code = csqlite_distrust(handle)
        guard code == SQLITE_OK else { throw error(code) }
        try execute("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")
    }

    /// Lets statements run that need a collation which only the agent has: its texts are compared as bytes. An index that
    /// is sorted by it must not be written then.
    package func acceptForeignCollations() { csqlite_accept_collations(handle) }

    /// Refuses to load longer values and statements: a step that would is an error that ``SQLiteError/isTooBig`` tells.
    package func limitValues(to bytes: Int) {
        sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, Int32(clamping: bytes))
    }

    /// Runs work in a transaction, which is undone if it throws.
    /// - Parameter begin: how it begins: a `DEFERRED` one sees one state of the database for as long as it lasts.
    package func transaction<Result>(_ begin: String = "IMMEDIATE", _ work: () throws -> Result) throws -> Result {
        try execute("BEGIN \(begin)")
        do {
            let result = try work()
            try execute("COMMIT")
            return result
        } catch {
            try? execute("ROLLBACK")
            throw error
        }
    }

    func error(_ code: Int32) -> SQLiteError { SQLiteError(code, handle, path: path) }
}

/// What SQLite says is wrong.
public struct SQLiteError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The extended result code.
    public let code: Int32
    public let message: String
    public let path: String

    init(_ code: Int32, _ handle: OpaquePointer?, path: String) {
        self.code = code
        self.path = path
        message = String(cString: handle.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(code))
    }

    init(_ code: Int32, _ message: String, path: String) {
        (self.code, self.message, self.path) = (code, message, path)
    }

    /// The code without what extends it.
    public var primaryCode: Int32 { code & 0xFF }

    /// The database is not what the format says.
    public var isCorrupt: Bool { primaryCode == SQLITE_CORRUPT }
    /// The file may not be read, or is no database that SQLite knows, such as an encrypted one.
    public var isRefused: Bool { [SQLITE_NOTADB, SQLITE_PERM, SQLITE_AUTH].contains(primaryCode) }

    /// A value is longer than ``SQLiteConnection/limitValues(to:)`` allows.
    package var isTooBig: Bool { primaryCode == SQLITE_TOOBIG }

    /// Whether a row is in the way of another: by a UNIQUE constraint, the primary key or its number.
    var isUniqueViolation: Bool { [6, 8, 10].contains { code == SQLITE_CONSTRAINT | ($0 << 8) } }
    /// Whether a row lacks a value that it must have, or has one of a wrong type.
    var isUnfit: Bool {
        [1, 5, 12].contains { code == SQLITE_CONSTRAINT | ($0 << 8) } || primaryCode == SQLITE_MISMATCH
    }

    public var description: String { "the database '\(path)': \(message) (SQLite code \(code))" }
}

extension SQLiteError: FailureConvertible {
    public var failure: Failure { Failure(code: .database, message: description) }
}
