/// Noting which rows a merge could not keep, by session.
extension DatabaseMerge {
    enum Loss: String {
        /// It gave way to another row.
        case lost
        /// The target has no place for it.
        case unplaced
        var sql: String { "'\(rawValue)'" }
    }

    /// A side as the temporary tables call it.
    enum Place: String {
        case main
        case other
        var sql: String { "'\(rawValue)'" }
    }

    func createReport() throws {
        try connection.execute(
            "CREATE TEMP TABLE affected (loss text, side text, session, tbl text, rows integer)")
    }

    /// Notes rows, counted by session.
    /// - Parameters:
    ///   - source: what follows `FROM`; the rows are `alias`.
    ///   - place: SQL for the side that they are of.
    func note(
        _ loss: Loss, _ table: MergeTable, of place: String, in schema: String, as alias: String,
        from source: String, _ values: [SQLiteValue] = []
    ) throws {
        let session = sessionColumn(table, in: schema, as: alias) ?? "NULL"
        let statement = try connection.prepare(
            """
            INSERT INTO temp.affected SELECT \(loss.sql), \(place), \(session), \(SQLText.literal(table.name)), count(*)
            FROM \(source) GROUP BY 2, 3
            """)
        try statement.run(values)
    }

    /// SQL for the session that a row belongs to; `nil` if the table's rows belong to none.
    func sessionColumn(_ table: MergeTable, in schema: String, as alias: String, depth: Int = 0) -> String? {
        if ["session", "session_v2"].contains(table.folded), table.has("id") { return "\(alias).id" }
        for column in ["session_id", "aggregate_id"] where table.has(column) { return "\(alias).\(column)" }
        let keys = schema == "other" ? other.foreignKeys : schema == "base" ? base?.foreignKeys ?? [] : main.foreignKeys
        guard depth < 4 else { return nil }
        for key in keys where key.child.folded == table.folded && key.parent.folded != table.folded {
            let parent = "p\(depth)"
            guard let session = sessionColumn(key.parent, in: schema, as: parent, depth: depth + 1) else { continue }
            return """
                (SELECT \(session) FROM \(schema).\(key.parent.identifier) AS \(parent)
                 WHERE \(SQLText.equal(key.to, of: parent, key.from, of: alias)) LIMIT 1)
                """
        }
        return nil
    }

    private static let mostSessions = 1000

    /// Reads what was noted into the report.
    mutating func readReport() throws {
        let rows = try connection.prepare(
            """
            SELECT loss, side, session, CASE WHEN typeof(session) = 'text' THEN NULL ELSE tbl END AS name, sum(rows)
            FROM temp.affected WHERE rows > 0
            GROUP BY loss, side, session, name ORDER BY loss, side, session, name LIMIT \(Self.mostSessions * 4)
            """)
        var (lost, unplaced): ([MergeReport.Rows], [MergeReport.Rows]) = ([], [])
        while try rows.step() {
            let isMain = rows[1].string == Place.main.rawValue
            let side: MergeReport.Side = isMain == (target == .ours) ? .ours : .theirs
            let found = MergeReport.Rows(
                side: side, session: rows[2].string, table: rows[3].string, count: Int(rows[4].integer ?? 0))
            if rows[0].string == Loss.lost.rawValue { lost.append(found) } else { unplaced.append(found) }
        }
        outcome.report.lost = lost
        if isHeldBack { outcome.report.hidden = unplaced } else { outcome.report.leftOut = unplaced }
        outcome.report.deleted = outcome.tables.values.reduce(0) { $0 + $1.deleted }
        outcome.report.written = outcome.tables.values.reduce(0) { $0 + $1.inserted + $1.updated }
        outcome.report.unplacedTables = Set(
            try connection.rows("SELECT DISTINCT tbl FROM temp.affected WHERE loss = \(Loss.unplaced.sql) AND rows > 0")
                .compactMap { $0[0].string.map(SQLText.folded) })
    }

    /// Notes rows of the other side's tables that the target has no table for, or has as they were at the import.
    mutating func noteUnplaced() throws {
        for table in other.tables where table.kind == .ordinary && !DatabaseSchema.isBookkeeping(table) {
            let here = main.table(table.name)
            if let here {
                guard isOfImport(here), isLeftAlone(here) else { continue }
                try noteNotImported(table, here)
                continue
            }
            // What was taken over is in the tables of 2.x.
            if isOfImport(table), other.hasImported { continue }
            // Log of the former version, and what belongs to a machine.
            if table.isEvents || DatabaseSecrets.isSecret(table: table.name) { continue }
            let rows = "other.\(table.identifier) AS o"
            let isMark = table.folded == "kv" && table.has("key") ? " WHERE o.key NOT GLOB 'migration.*'" : ""
            guard !isHeldBack, let before = base?.table(table.name), !table.key.isEmpty,
                table.key.allSatisfy(before.has)
            else {
                try note(.unplaced, table, of: Place.other.sql, in: "other", as: "o", from: rows + isMark)
                continue
            }
            // What it has as the base had it was left behind by a migration of the target's.
            let columns = table.values.filter(before.has)
            try note(
                .unplaced, table, of: Place.other.sql, in: "other", as: "o",
                from: """
                    \(rows) LEFT JOIN base.\(table.identifier) AS b
                      ON \(SQLText.equal(table.key, of: "b", table.key, of: "o"))
                    WHERE b.\(SQLText.name(table.key[0])) IS NULL OR \(SQLText.differ(columns, "o", "b"))
                    """)
        }
    }

    /// Notes rows of 1.x that the target has not taken over.
    private func noteNotImported(_ table: MergeTable, _ here: MergeTable) throws {
        guard !here.key.isEmpty, here.key.allSatisfy(table.has) else { return }
        let columns = here.values.filter(table.has)
        try note(
            .unplaced, table, of: Place.other.sql, in: "other", as: "o",
            from: """
                other.\(table.identifier) AS o LEFT JOIN main.\(here.identifier) AS t
                  ON \(SQLText.equal(here.key, of: "t", here.key, of: "o"))
                WHERE t.\(SQLText.name(here.key[0])) IS NULL OR \(SQLText.differ(columns, "o", "t"))
                """)
    }
}
