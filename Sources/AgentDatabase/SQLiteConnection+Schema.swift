/// What a database consists of, seen without trust.
extension SQLiteConnection {
    package struct Table: Equatable {
        package let name: String
        /// It has rows of its own: it is no view, no virtual table, and not where a virtual table keeps its content.
        package let isOrdinary: Bool
    }

    package struct Column: Equatable {
        package let name: String
        let isRequired: Bool
        /// The place in the primary key, from 1; 0 if it is not part of it.
        let keyPosition: Int64
    }

    /// Everything in the main schema that can be read like a table.
    /// - Throws: ``SQLiteError``.
    package func tables() throws(SQLiteError) -> [Table] {
        try rows("SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name").compactMap { row in
            row[0].string.map { Table(name: $0, isOrdinary: row[1] == .text("table")) }
        }
    }

    /// The columns of a table that hold what was put into them: generated ones are left out.
    /// - Throws: ``SQLiteError``.
    package func columns(of table: String) throws(SQLiteError) -> [Column] {
        let sql = "SELECT name, \"notnull\", pk FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0 ORDER BY cid"
        return try rows(sql, [.text(table)]).compactMap { row in
            row[0].string.map {
                Column(name: $0, isRequired: row[1] != .integer(0), keyPosition: row[2].integer ?? 0)
            }
        }
    }
}
