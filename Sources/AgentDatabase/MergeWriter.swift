/// Copies rows of ours, by key, into the merged table.
struct MergeWriter {
    private let insert: SQLiteStatement
    private let numbered: SQLiteStatement?
    private let update: SQLiteStatement?

    /// - Parameter conflict: what SQLite does about a row that is in the way, such as `OR REPLACE`.
    init(_ table: MergeTable, or conflict: String = "", in connection: SQLiteConnection) throws(SQLiteError) {
        insert = try connection.prepare(Self.insertion(table, conflict, numbered: nil))
        numbered = try table.numbering.map { numbering throws(SQLiteError) in
            try connection.prepare(Self.insertion(table, conflict, numbered: numbering.number))
        }
        update = table.values.isEmpty ? nil : try connection.prepare(Self.replacement(table, conflict))
    }

    /// - Parameters:
    ///   - change: which row, and by how much its running number is raised.
    ///   - isNew: whether the merged table has no row with the key.
    /// - Throws: ``SQLiteError``.
    func write(_ change: MergeChange, isNew: Bool) throws(SQLiteError) {
        if isNew, let numbered, change.number != 0 {
            try numbered.run(change.key + [.integer(change.number)])
        } else {
            try (isNew ? insert : update ?? insert).run(change.key)
        }
    }

    private static func insertion(_ table: MergeTable, _ conflict: String, numbered: String?) -> String {
        let columns = table.written.map {
            "o.\(SQLText.name($0))" + ($0 == numbered ? " + ?\(table.key.count + 1)" : "")
        }
        return """
            INSERT \(conflict) INTO main.\(table.identifier) (\(SQLText.list(table.written)))
            SELECT \(columns.joined(separator: ", ")) FROM ours.\(table.identifier) AS o
            WHERE \(SQLText.equalParameters(table.key, of: "o"))
            """
    }

    private static func replacement(_ table: MergeTable, _ conflict: String) -> String {
        """
        UPDATE \(conflict) main.\(table.identifier) SET (\(SQLText.list(table.values))) =
          (SELECT \(SQLText.list(table.values, of: "o")) FROM ours.\(table.identifier) AS o
           WHERE \(SQLText.equalParameters(table.key, of: "o")))
        WHERE \(SQLText.equalParameters(table.key))
        """
    }
}

/// A row of ours that is to be written.
struct MergeChange {
    /// Its place in ``MergeTable/changes``.
    let rowid: Int64
    let key: [SQLiteValue]
    let number: Int64

    /// The columns of ``MergeTable/changes`` that a change is read from.
    static func columns(_ table: MergeTable) -> String {
        "rowid, number, \(SQLText.list(table.keyCopies))"
    }

    init(_ row: [SQLiteValue], _ table: MergeTable) {
        rowid = row[0].integer ?? 0
        number = row[1].integer ?? 0
        key = Array(row[2..<2 + table.key.count])
    }
}
