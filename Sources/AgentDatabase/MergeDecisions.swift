import FileIO

/// What is to happen to each row, found out before any is written.
extension DatabaseMerge {
    /// Decisions about rows, as they stand in ``MergedTable/changes``.
    enum Decision: String {
        /// Only the other side has it, and it is new.
        case insert
        /// The other side changed what the target deleted: it comes back.
        case back
        /// Only the other side changed it, or both did and it differs only in when.
        case update
        /// Both changed it, and the other side's stays.
        case win
        /// Both changed it, and the target's stays.
        case lose
        /// The other side deleted what the target did not touch.
        case delete
        /// The other side deleted what the target changed: it stays.
        case keep
        var sql: String { "'\(rawValue)'" }
    }

    /// NULL is not equal to itself: such rows have no identity.
    func hasNullKey(_ table: MergedTable) throws -> Bool {
        guard table.table.kind == .ordinary, !table.table.isNumbered else { return false }
        for schema in table.hasBase ? ["main", "other", "base"] : ["main", "other"] {
            for column in table.key {
                let sql = "SELECT 1 FROM \(schema).\(table.identifier) WHERE \(SQLText.name(column)) IS NULL LIMIT 1"
                if try !connection.rows(sql).isEmpty { return true }
            }
        }
        return false
    }

    /// Bookkeeping among the rows of `kv`: it tells of the image that it is in.
    private func isMergeable(_ table: MergedTable, _ alias: String) -> String {
        guard table.table.folded == "kv", table.has("key") else { return "1" }
        return "(\(alias).key NOT GLOB 'migration.*' COLLATE BINARY)"
    }

    mutating func decide(_ table: MergedTable) throws {
        let (name, key) = (table.identifier, table.key)
        let copies = zip(key, table.keyCopies).map { "o.\(SQLText.name($0)) AS \($1)" }.joined(separator: ", ")
        try connection.execute(
            "CREATE TEMP TABLE change_\(table.number) AS SELECT \(copies), '' AS action FROM other.\(name) AS o WHERE 0"
        )
        let first = SQLText.name(key[0])
        let (isMissing, isNew) = ("t.\(first) IS NULL", table.hasBase ? "b.\(first) IS NULL" : "1")
        let (compared, unknown) = (table.compared, table.unknown)
        let otherChanged = table.hasBase ? SQLText.differ(compared, "o", "b") : "1"
        let mainChanged = table.hasBase ? SQLText.differ(compared, "t", "b") : "1"
        let bothDiffer = SQLText.differ(compared + unknown, "o", "t")
        var cases = ["\(isMissing) AND \(isNew) THEN \(Decision.insert.sql)"]
        if table.hasBase {
            cases += [
                "\(isMissing) AND \(otherChanged) THEN \(Decision.back.sql)",
                "\(isMissing) THEN \(Decision.insert.sql)",
                """
                NOT (\(isNew)) AND NOT \(mainChanged) AND NOT \(SQLText.differ(unknown, "o", "t"))
                THEN \(Decision.update.sql)
                """,
                "NOT (\(isNew)) AND \(mainChanged) AND NOT \(otherChanged) THEN \(Decision.lose.sql)",
            ]
        }
        if table.table.isSequence {
            // The larger number is taken in the end, see raiseSequences().
            cases.append("NOT \(SQLText.differ(table.replaced, "o", "t")) THEN 'same'")
        }
        cases += later(table)
        cases.append("\(SQLText.isLarger(compared + unknown, "o", "t")) THEN \(Decision.win.sql)")
        let isChanged = table.hasBase ? "(\(isNew) OR \(otherChanged) OR \(SQLText.differ(unknown, "o", "t")))" : "1"
        try connection.execute(
            """
            INSERT INTO \(table.changes)
            SELECT \(SQLText.list(key, of: "o")),
              CASE \(cases.map { "WHEN \($0)" }.joined(separator: "\n")) ELSE \(Decision.lose.sql) END
            FROM other.\(name) AS o
            \(table.hasBase ? "LEFT JOIN base.\(name) AS b ON \(SQLText.equal(key, of: "b", key, of: "o"))" : "")
            LEFT JOIN main.\(name) AS t ON \(SQLText.equal(key, of: "t", key, of: "o"))
            WHERE \(isMergeable(table, "o"))
              AND CASE WHEN \(isMissing) THEN \(isNew) OR \(try comesBack(table)) ELSE \(isChanged) AND \(bothDiffer) END
            """)
        if table.hasBase, !onlyAdds { try decideDeletions(table) }
        try connection.execute(
            "CREATE INDEX temp.change_\(table.number)_key ON change_\(table.number) (\(SQLText.list(table.keyCopies)))")
        try createDropped(table)
        try noteConflicts(table)
    }

    /// Whether a row that the base and the other side have, and the target has not, is to be in it.
    private func comesBack(_ table: MergedTable) throws -> String {
        guard table.hasBase else { return "1" }
        let isChanged = SQLText.differ(table.compared, "o", "b")
        let isSame: String
        switch deletions.main {
        case .all: isSame = "0"
        // The import, and other migrations, empty the log.
        case .sessions where table.table.isEvents: return "0"
        case .sessions:
            let session = sessionColumn(table.other, in: "other", as: "o")
            isSame = session.map { "NOT \(isGone($0, from: .main))" } ?? "1"
        case .none: isSame = "1"
        }
        return "\(isChanged) OR \(isSame)"
    }

    /// The later change stays, where both say when it was made. What differs in nothing else has no loser.
    private func later(_ table: MergedTable) -> [String] {
        let times = ["time_updated", "updated_at", "last_used_at"]
        guard let time = times.first(where: { name in table.common.contains { SQLText.folded($0) == name } })
        else { return [] }
        let comparable = "typeof(o.\(time)) = 'integer' AND typeof(t.\(time)) = 'integer'"
        let rest = (table.compared + table.unknown).filter { SQLText.folded($0) != time }
        return [
            "NOT \(SQLText.differ(rest, "o", "t")) AND \(comparable) AND o.\(time) > t.\(time) THEN \(Decision.update.sql)",
            "NOT \(SQLText.differ(rest, "o", "t")) AND \(comparable) THEN 'same'",
            "\(comparable) AND o.\(time) > t.\(time) THEN \(Decision.win.sql)",
            "\(comparable) AND o.\(time) < t.\(time) THEN \(Decision.lose.sql)",
        ]
    }

    /// SQL for whether the other side's row `o` stays beside a different one `t` of the target's.
    func otherWins(_ table: MergedTable) -> String {
        let cases = later(table).dropFirst(2).map { "WHEN \($0)" }
        let larger = SQLText.isLarger(table.key + table.common, "o", "t")
        guard !cases.isEmpty else { return larger }
        return "(CASE \(cases.joined(separator: "\n")) ELSE CASE WHEN \(larger) THEN 'win' ELSE 'lose' END END = 'win')"
    }

    /// Finds the keys that the other side no longer has, and only then compares whole rows, since those are few.
    private func decideDeletions(_ table: MergedTable) throws {
        let (name, key) = (table.identifier, table.key)
        var condition = isMergeable(table, "b")
        switch deletions.other {
        case .all: break
        case .sessions:
            guard table.other.canHold(base?.table(table.table.name) ?? table.other),
                let baseTable = base?.table(table.table.name),
                let session = sessionColumn(baseTable, in: "base", as: "b")
            else { return }
            condition += " AND \(isGone(session, from: .other))"
        case .none: return
        }
        try connection.execute(
            """
            INSERT INTO \(table.changes)
            SELECT \(SQLText.list(key, of: "b")),
              CASE WHEN \(SQLText.differ(table.compared, "b", "t")) THEN \(Decision.keep.sql)
                ELSE \(Decision.delete.sql) END
            FROM base.\(name) AS b CROSS JOIN main.\(name) AS t ON \(SQLText.equal(key, of: "t", key, of: "b"))
            WHERE NOT EXISTS (SELECT 1 FROM other.\(name) AS o WHERE \(SQLText.equal(key, of: "o", key, of: "b")))
              AND \(condition)
            """)
    }

    private mutating func noteConflicts(_ table: MergedTable) throws {
        let both = try connection.rows(
            "SELECT count(*) FROM \(table.changes) WHERE action IN (\(Decision.win.sql), \(Decision.lose.sql))")
        let count = Int(both.first?.first?.integer ?? 0)
        guard count > 0 else { return }
        outcome.conflicts += count
        let source = """
            \(table.changes) AS c
            CROSS JOIN other.\(table.identifier) AS o ON \(SQLText.equal(table.key, of: "o", table.keyCopies, of: "c"))
            WHERE c.action IN (\(Decision.win.sql), \(Decision.lose.sql))
            """
        try note(
            .lost, table.other,
            of: "CASE c.action WHEN \(Decision.win.sql) THEN \(Place.main.sql) ELSE \(Place.other.sql) END",
            in: "other", as: "o", from: source)
    }
}
