/// Tables whose rows have no identity, and those that are not ours to write.
extension DatabaseMerge {
    /// Takes the table from the side that changed it, or from the newer image if both did.
    mutating func takeWhole(_ table: MergeTable) throws {
        guard try differs(table, "ours", "main") else { return }
        let oursChanged = try !hasBase || differs(table, "ours", "base")
        guard oursChanged else { return }
        let theirsChanged = try !hasBase || differs(table, "main", "base")
        // Sets of migrations are equal, or nothing would be merged: what differs is when and in which order.
        if theirsChanged, !table.isMigrations {
            outcome.warnings.append(
                "'\(table.name)' changed on both sides and its rows have no primary key to tell them apart: it is as "
                    + "on the newer side.")
            outcome.conflicts += 1
        }
        guard !theirsChanged || !preferTheirs else { return }
        try connection.execute("DELETE FROM main.\(table.identifier)")
        let deleted = connection.changes
        let columns = SQLText.list(table.written)
        try connection.execute(
            "INSERT INTO main.\(table.identifier) (\(columns)) SELECT \(columns) FROM ours.\(table.identifier)")
        let inserted = connection.changes
        count(table) {
            $0.deleted += deleted
            $0.inserted += inserted
        }
    }

    /// Leaves the inner tables of a virtual table, which only its own module understands.
    mutating func compareVirtual(_ table: MergeTable) throws {
        guard try differs(table, "ours", "main"), try !hasBase || differs(table, "ours", "base") else { return }
        outcome.warnings.append(
            "'\(table.name)' belongs to a virtual table (such as a search index), which is not merged: it is as in the "
                + "store, and may have to be rebuilt.")
    }

    /// Whether two images of a table hold different rows. Rows are matched by key, else by their row's number.
    private func differs(_ table: MergeTable, _ left: String, _ right: String) throws -> Bool {
        let name = table.identifier
        let columns = table.written
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
