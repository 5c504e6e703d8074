import CSQLite

/// A value of SQLite. Text is bytes, since it may be any.
package enum SQLiteValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text([UInt8])
    case blob([UInt8])

    /// Text as it is written in SQL.
    package static func text(_ text: String) -> SQLiteValue { .text(Array(text.utf8)) }

    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var string: String? {
        if case .text(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil }
    }
}

/// A compiled statement, for one run at a time.
package final class SQLiteStatement {
    private let connection: SQLiteConnection
    private let handle: OpaquePointer

    init(_ sql: String, in connection: SQLiteConnection) throws(SQLiteError) {
        self.connection = connection
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v2(connection.handle, sql, -1, &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw connection.error(code) }
        handle = prepared
    }

    deinit { sqlite3_finalize(handle) }

    /// Makes the statement ready to run again, with these values.
    /// - Throws: ``SQLiteError``.
    func bind(_ values: [SQLiteValue]) throws(SQLiteError) {
        sqlite3_reset(handle)
        for (offset, value) in values.enumerated() {
            let index = Int32(offset + 1)
            let code =
                switch value {
                case .null: sqlite3_bind_null(handle, index)
                case .integer(let value): sqlite3_bind_int64(handle, index, value)
                case .real(let value): sqlite3_bind_double(handle, index, value)
                case .text(let bytes):
                    bytes.withUnsafeBytes {
                        // Text of length 0 must not become NULL, which a null pointer would be.
                        csqlite_bind_text(
                            handle, index, $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1), Int32($0.count))
                    }
                case .blob(let bytes):
                    bytes.withUnsafeBytes {
                        csqlite_bind_blob(handle, index, $0.baseAddress, Int32($0.count))
                    }
                }
            guard code == SQLITE_OK else { throw connection.error(code) }
        }
    }

    /// - Returns: whether there is a row.
    /// - Throws: ``SQLiteError``.
    package func step() throws(SQLiteError) -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        guard code == SQLITE_DONE else {
            let error = connection.error(code)
            sqlite3_reset(handle)
            throw error
        }
        sqlite3_reset(handle)
        return false
    }

    /// Runs a statement that gives no rows.
    /// - Throws: ``SQLiteError``.
    func run(_ values: [SQLiteValue] = []) throws(SQLiteError) {
        try bind(values)
        while try step() {}
    }

    /// The first row, if there is one.
    /// - Throws: ``SQLiteError``.
    package func first(_ values: [SQLiteValue] = []) throws(SQLiteError) -> [SQLiteValue]? {
        try bind(values)
        defer { sqlite3_reset(handle) }
        return try step() ? row : nil
    }

    var columnCount: Int { Int(sqlite3_column_count(handle)) }

    /// The row that ``step()`` has found.
    var row: [SQLiteValue] { (0..<columnCount).map { self[$0] } }

    /// A column of the row that ``step()`` has found.
    package subscript(index: Int) -> SQLiteValue {
        let index = Int32(index)
        return switch sqlite3_column_type(handle, index) {
        case SQLITE_INTEGER: .integer(sqlite3_column_int64(handle, index))
        case SQLITE_FLOAT: .real(sqlite3_column_double(handle, index))
        case SQLITE_TEXT: .text(bytes(sqlite3_column_text(handle, index), index))
        case SQLITE_BLOB: .blob(bytes(sqlite3_column_blob(handle, index), index))
        default: .null
        }
    }

    private func bytes(_ pointer: UnsafeRawPointer?, _ index: Int32) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: pointer, count: Int(sqlite3_column_bytes(handle, index))))
    }
}
