/// Tables whose rows have no identity.
extension DatabaseMerge {
    /// Takes the table from the side that changed it. If both did, the rows that the other side added are added, and those
    /// that it deleted are deleted: rows are the same if all of their columns are.
    mutating func takeWhole(_ table: MergeTable, _ there: MergeTable, _ before: MergeTable?) throws {
        let columns = table.writable.map(\.name).filter(there.has)
        guard table.key.allSatisfy(there.has), table.canHold(there), !columns.isEmpty else {
            return try note(
                .unplaced, there, of: Place.other.sql, in: "other", as: "o", from: "other.\(there.identifier) AS o")
        }
        guard try differs(table, columns, "other", "main") else { return }
        let known = before.flatMap { before in columns.allSatisfy(before.has) ? before : nil }
        if known != nil, try !differs(table, columns, "other", "base") { return }
        let isWhole =
            try known != nil && table.writable.count == columns.count && !differs(table, columns, "main", "base")
        let names = SQLText.list(columns)
        let other = "SELECT \(names) FROM other.\(table.identifier)"
        if isWhole {
            try connection.execute("DELETE FROM main.\(table.identifier)")
            outcome.tables[table.name, default: Counts()].deleted += connection.changes
            try connection.execute("INSERT INTO main.\(table.identifier) (\(names)) \(other)")
            outcome.tables[table.name, default: Counts()].inserted += connection.changes
            return
        }
        let place = known == nil ? "main" : "base"
        try connection.execute(
            """
            CREATE TEMP TABLE added AS \(other) EXCEPT SELECT \(names) FROM \(place).\(table.identifier);
            CREATE TEMP TABLE removed AS SELECT \(names) FROM \(place).\(table.identifier) EXCEPT \(other);
            """)
        if known != nil, case .all = deletions.other {
            let isSame = columns.map { "r.\(SQLText.name($0)) IS m.\(SQLText.name($0))" }.joined(separator: " AND ")
            try connection.execute(
                "DELETE FROM main.\(table.identifier) AS m WHERE EXISTS (SELECT 1 FROM temp.removed AS r WHERE \(isSame))"
            )
            outcome.tables[table.name, default: Counts()].deleted += connection.changes
        }
        let isThere = columns.map { "m.\(SQLText.name($0)) IS a.\(SQLText.name($0))" }.joined(separator: " AND ")
        try connection.execute(
            """
            DELETE FROM temp.added AS a WHERE EXISTS (SELECT 1 FROM main.\(table.identifier) AS m WHERE \(isThere));
            INSERT OR IGNORE INTO main.\(table.identifier) (\(names)) SELECT \(names) FROM temp.added
            """)
        outcome.tables[table.name, default: Counts()].inserted += connection.changes
        // What a UNIQUE constraint does not allow beside the target's rows.
        try note(
            .lost, there, of: Place.other.sql, in: "other", as: "a",
            from: "temp.added AS a WHERE NOT EXISTS (SELECT 1 FROM main.\(table.identifier) AS m WHERE \(isThere))")
        try connection.execute("DROP TABLE temp.added; DROP TABLE temp.removed")
    }

    /// Whether two images of a table hold different rows. Rows are matched by key, else by their row's number.
    private func differs(_ table: MergeTable, _ columns: [String], _ left: String, _ right: String) throws -> Bool {
        let name = table.identifier
        let key = table.key.isEmpty ? table.rowid.map { [$0] } : table.key
        guard let key else { return true }
        let rows = try connection.rows(
            """
            SELECT (SELECT count(*) FROM \(left).\(name)) <> (SELECT count(*) FROM \(right).\(name))
              OR EXISTS (SELECT 1 FROM \(left).\(name) AS l
                LEFT JOIN \(right).\(name) AS r ON \(SQLText.equal(key, of: "r", key, of: "l"))
                WHERE r.\(SQLText.name(key[0])) IS NULL OR \(SQLText.differ(columns, "l", "r")))
            """)
        return rows.first?.first != .integer(0)
    }
}
