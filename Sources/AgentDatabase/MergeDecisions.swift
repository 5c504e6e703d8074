/// What is to happen to each row, found out before any is written.
extension DatabaseMerge {
    /// Decisions about rows, as they stand in ``MergeTable/changes``.
    enum Decision: String {
        /// Only we have it, and it is new.
        case insert
        /// We changed what they deleted: it comes back.
        case back
        /// Only we changed it.
        case update
        /// Both changed it, and ours stays.
        case win
        /// Both changed it, and theirs stays.
        case lose
        /// Two new rows got one automatic number.
        case collide
        /// We deleted what they did not touch.
        case delete
        /// We deleted what they changed: it stays.
        case keep
        /// Both deleted it.
        case gone
        var sql: String { "'\(rawValue)'" }
    }

    /// NULL is not equal to itself: such rows have no identity.
    func hasNullKey(_ table: MergeTable) throws -> Bool {
        let isRowid = table.key.count == 1 && table.columns.contains { $0.keyPosition > 0 && $0.type == "INTEGER" }
        let nullable = isRowid ? [] : table.columns.filter { $0.keyPosition > 0 && !$0.notNull }.map(\.name)
        for schema in hasBase ? ["main", "ours", "base"] : ["main", "ours"] {
            for column in nullable {
                let sql = "SELECT 1 FROM \(schema).\(table.identifier) WHERE \(SQLText.name(column)) IS NULL LIMIT 1"
                if try !connection.rows(sql).isEmpty { return true }
            }
        }
        return false
    }

    mutating func decide(_ table: MergeTable) throws {
        let (name, key, values) = (table.identifier, table.key, table.values)
        let copies = zip(key, table.keyCopies).map { "o.\(SQLText.name($0)) AS \($1)" }.joined(separator: ", ")
        try connection.execute(
            """
            CREATE TEMP TABLE change_\(table.number) AS
            SELECT \(copies), '' AS action, 0 AS number FROM ours.\(name) AS o WHERE 0
            """)
        let first = SQLText.name(key[0])
        let isNew = hasBase ? "b.\(first) IS NULL" : "1"
        var cases = [
            "t.\(first) IS NULL AND \(isNew) THEN \(Decision.insert.sql)",
            "t.\(first) IS NULL THEN \(Decision.back.sql)",
        ]
        if hasBase {
            cases.append("NOT (\(isNew)) AND NOT \(SQLText.differ(values, "b", "t")) THEN \(Decision.update.sql)")
        }
        if try isCounter(table) { cases.append("\(isNew) THEN \(Decision.collide.sql)") }
        cases += later(table)
        let isChanged = hasBase ? "(\(isNew) OR \(SQLText.differ(values, "o", "b")))" : "1"
        try connection.execute(
            """
            INSERT INTO \(table.changes)
            SELECT \(SQLText.list(key, of: "o")),
              CASE \(cases.map { "WHEN \($0)" }.joined(separator: "\n"))
                ELSE \((preferTheirs ? Decision.lose : .win).sql) END,
              \(isSequence(table) ? "max(o.seq, coalesce(t.seq, o.seq))" : "0")
            FROM ours.\(name) AS o
            \(hasBase ? "LEFT JOIN base.\(name) AS b ON \(SQLText.equal(key, of: "b", key, of: "o"))" : "")
            LEFT JOIN main.\(name) AS t ON \(SQLText.equal(key, of: "t", key, of: "o"))
            WHERE \(isChanged) AND (t.\(first) IS NULL OR \(SQLText.differ(values, "o", "t")))
            """)
        if hasBase, !onlyAdds { try decideDeletions(table) }
        try connection.execute(
            "CREATE INDEX temp.change_\(table.number)_key ON change_\(table.number) (\(SQLText.list(table.keyCopies)))")
        let both = try connection.rows(
            "SELECT count(*) FROM \(table.changes) WHERE action IN (\(Decision.win.sql), \(Decision.lose.sql))")
        outcome.conflicts += Int(both.first?.first?.integer ?? 0)
    }

    /// Finds the keys that we no longer have, and only then compares whole rows, since those are few.
    private func decideDeletions(_ table: MergeTable) throws {
        let (name, key, values) = (table.identifier, table.key, table.values)
        try connection.execute(
            """
            INSERT INTO \(table.changes)
            SELECT \(SQLText.list(key, of: "b")), \(Decision.gone.sql), 0 FROM base.\(name) AS b
            WHERE NOT EXISTS (SELECT 1 FROM ours.\(name) AS o WHERE \(SQLText.equal(key, of: "o", key, of: "b")))
            """)
        let change = "change_\(table.number)"
        try connection.execute(
            """
            UPDATE \(table.changes) SET action = CASE
              WHEN NOT EXISTS (SELECT 1 FROM main.\(name) AS t
                WHERE \(SQLText.equal(key, of: "t", table.keyCopies, of: change))) THEN \(Decision.gone.sql)
              WHEN EXISTS (SELECT 1 FROM main.\(name) AS t, base.\(name) AS b
                WHERE \(SQLText.equal(key, of: "t", table.keyCopies, of: change))
                  AND \(SQLText.equal(key, of: "b", table.keyCopies, of: change))
                  AND NOT \(SQLText.differ(values, "b", "t"))) THEN \(Decision.delete.sql)
              ELSE \(Decision.keep.sql) END
            WHERE action = \(Decision.gone.sql)
            """)
    }

    /// The later change stays, where both say when it was made.
    private func later(_ table: MergeTable) -> [String] {
        guard table.has("time_updated") else { return [] }
        let comparable = "typeof(o.time_updated) = 'integer' AND typeof(t.time_updated) = 'integer'"
        return [
            "\(comparable) AND o.time_updated > t.time_updated THEN \(Decision.win.sql)",
            "\(comparable) AND o.time_updated < t.time_updated THEN \(Decision.lose.sql)",
        ]
    }

    /// The table that holds the last number of each group of `event`.
    func isSequence(_ table: MergeTable) -> Bool {
        table.name == "event_sequence" && table.key == ["aggregate_id"] && table.has("seq")
    }

    /// Whether a new row's number means nothing but "one more", and may be another.
    private func isCounter(_ table: MergeTable) throws -> Bool {
        guard table.isAutoincrement,
            !foreignKeys.contains(where: { $0.parent.number == table.number })
        else { return false }
        return try lastNumber(table) < 1 << 53
    }

    /// The largest number that either side has given to a row.
    func lastNumber(_ table: MergeTable) throws -> Int64 {
        var last: Int64 = 0
        for schema in ["main", "ours"] {
            let rows = try connection.rows("SELECT max(\(SQLText.list(table.key))) FROM \(schema).\(table.identifier)")
            last = max(last, rows.first?.first?.integer ?? 0)
            let sequence = try connection.rows(
                "SELECT seq FROM \(schema).sqlite_sequence WHERE name = ?1", [.text(table.name)])
            last = max(last, sequence.first?.first?.integer ?? 0)
        }
        return last
    }
}
