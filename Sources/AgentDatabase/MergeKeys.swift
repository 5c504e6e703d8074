/// Rows under numbers that SQLite gives: two sides give one number to different rows.
///
/// Before rows are compared, one number is made to mean one row in all images, with everything that refers to it.
extension DatabaseMerge {
    /// Above all numbers that are given, below those that SQLite cannot hold: rows are moved by way of there.
    private static let detour: Int64 = 1 << 61

    mutating func alignKeys() throws {
        for table in tables where table.table.isNumbered && table.other.isNumbered {
            guard try isGenerated(table) else { continue }
            if table.hasBase {
                try followMoves(table, in: .other)
                try followMoves(table, in: .main)
            }
            try separate(table)
        }
    }

    /// Whether numbers mean nothing but "one more". The number of a table's only row may be its name, unless the row has to
    /// belong to another.
    private func isGenerated(_ table: MergedTable) throws -> Bool {
        guard try lastNumber(table) < 1 << 53 else { return false }
        if table.table.isAutoincrement { return true }
        if foreignKeys.contains(where: { $0.parent.folded == table.table.folded }) { return true }
        let belongs = foreignKeys.contains { key in
            key.child.folded == table.table.folded
                && key.from.contains { table.table.column($0)?.notNull == true }
        }
        if belongs { return true }
        for schema in ["main", "other"] {
            let rows = try connection.rows("SELECT 1 FROM \(schema).\(table.identifier) LIMIT 2")
            if rows.count > 1 { return true }
        }
        return false
    }

    /// The largest number that any side has given to a row.
    private func lastNumber(_ table: MergedTable) throws -> Int64 {
        var last: Int64 = 0
        for schema in table.hasBase ? ["main", "other", "base"] : ["main", "other"] {
            let rows = try connection.rows("SELECT max(\(SQLText.list(table.key))) FROM \(schema).\(table.identifier)")
            last = max(last, rows.first?.first?.integer ?? 0)
            let hasSequence = try !connection.rows(
                "SELECT 1 FROM \(schema).sqlite_schema WHERE name = 'sqlite_sequence'"
            ).isEmpty
            guard hasSequence else { continue }
            let sequence = try connection.rows(
                "SELECT seq FROM \(schema).sqlite_sequence WHERE name = ?1", [.text(table.table.name)])
            last = max(last, sequence.first?.first?.integer ?? 0)
        }
        return last
    }

    /// The columns that tell rows apart beside their numbers: no numbers of others.
    private func content(_ table: MergedTable) -> [String] {
        let references = foreignKeys.filter { $0.child.folded == table.table.folded && $0.parent.isNumbered }
            .flatMap(\.from).map(SQLText.folded)
        return table.compared.filter { !references.contains(SQLText.folded($0)) }
    }

    /// Finds rows of the base that a former merge has given another number on a side, since that number was given on the
    /// other side as well. They keep one number: the target's.
    private func followMoves(_ table: MergedTable, in place: Place) throws {
        let (name, id, content) = (table.identifier, SQLText.name(table.key[0]), content(table))
        guard !content.isEmpty else { return }
        let columns = SQLText.list(content)
        try connection.execute(
            """
            CREATE TEMP TABLE fresh AS SELECT \(id) AS "the id", \(columns) FROM \(place.rawValue).\(name) AS x
            WHERE NOT EXISTS (SELECT 1 FROM base.\(name) AS b WHERE b.\(id) = x.\(id));
            CREATE INDEX temp.fresh_content ON fresh (\(SQLText.list(Array(content.prefix(8)))));
            CREATE TEMP TABLE moved (old INTEGER PRIMARY KEY, new INTEGER UNIQUE);
            INSERT OR IGNORE INTO temp.moved
            SELECT b.\(id), f."the id" FROM base.\(name) AS b
            CROSS JOIN \(place.rawValue).\(name) AS x ON x.\(id) = b.\(id)
            CROSS JOIN temp.fresh AS f ON \(same(content, "f", "b"))
            WHERE \(SQLText.differ(content, "x", "b")) ORDER BY b.\(id), f."the id";
            """)
        if try !connection.rows("SELECT 1 FROM temp.moved LIMIT 1").isEmpty {
            let next = try lastNumber(table) + 1
            let map = place == .other ? "SELECT new, old FROM temp.moved" : "SELECT old, new FROM temp.moved"
            for schema in place == .other ? ["other"] : ["other", "base"] {
                // Whatever has the number that a row gets now is given one of its own.
                try renumber(
                    table, in: schema,
                    """
                    WITH map(old, new) AS (\(map))
                    SELECT old, new FROM map UNION ALL
                    SELECT r.\(id), \(next) - 1 + row_number() OVER (ORDER BY r.\(id))
                    FROM \(schema).\(name) AS r
                    WHERE r.\(id) IN (SELECT new FROM map) AND r.\(id) NOT IN (SELECT old FROM map)
                    """)
            }
        }
        try connection.execute("DROP TABLE temp.moved; DROP TABLE temp.fresh")
    }

    private func same(_ columns: [String], _ left: String, _ right: String) -> String {
        columns.map { "\(left).\(SQLText.name($0)) IS \(right).\(SQLText.name($0)) COLLATE BINARY" }
            .joined(separator: " AND ")
    }

    /// Gives numbers of their own to new rows of one side, from the first that the other side has given to another row.
    private mutating func separate(_ table: MergedTable) throws {
        let (name, id) = (table.identifier, SQLText.name(table.key[0]))
        func isNew(_ alias: String) -> String {
            guard table.hasBase else { return "1" }
            return "NOT EXISTS (SELECT 1 FROM base.\(name) AS b WHERE b.\(id) = \(alias).\(id))"
        }
        let columns = table.compared + table.unknown
        // Without a base, rows of one number that were made at one time are one row, which somebody changed.
        let isOneRow =
            table.hasBase || !table.has("time_created") ? "0" : "(o.time_created IS t.time_created)"
        let collision = try connection.rows(
            """
            SELECT o.\(id), \(SQLText.isLarger(columns, "o", "t")) FROM other.\(name) AS o
            CROSS JOIN main.\(name) AS t ON t.\(id) = o.\(id)
            WHERE \(isNew("o")) AND \(SQLText.differ(columns, "o", "t")) AND NOT \(isOneRow) ORDER BY 1 LIMIT 1
            """)
        guard let first = collision.first, let from = first[0].integer else { return }
        // An agent knows its rows by their numbers: those of a live database stay.
        let movesMain = !onlyAdds && first[1] == .integer(1)
        let (moving, staying) = movesMain ? ("main", "other") : ("other", "main")
        let next = try lastNumber(table) + 1
        try renumber(
            table, in: moving,
            """
            SELECT o.\(id), \(next) - 1 + row_number() OVER (ORDER BY o.\(id)) FROM \(moving).\(name) AS o
            WHERE o.\(id) >= \(from) AND \(isNew("o")) AND NOT EXISTS (SELECT 1 FROM \(staying).\(name) AS t
              WHERE t.\(id) = o.\(id) AND (\(isOneRow) OR NOT \(SQLText.differ(columns, "o", "t"))))
            """)
        try raiseAutomaticNumber(table)
    }

    private func raiseAutomaticNumber(_ table: MergedTable) throws {
        guard table.table.isAutoincrement else { return }
        let last = try lastNumber(table)
        let update = try connection.prepare("UPDATE main.sqlite_sequence SET seq = ?1 WHERE name = ?2 AND seq < ?1")
        try update.run([.integer(last), .text(table.table.name)])
    }

    /// Gives rows other numbers, in one image, and lets what refers to them follow.
    /// - Parameter map: a query for the old and the new numbers.
    private func renumber(_ table: MergedTable, in schema: String, _ map: String) throws {
        try connection.execute(
            """
            CREATE TEMP TABLE renumbered (old INTEGER PRIMARY KEY, new INTEGER);
            INSERT OR IGNORE INTO temp.renumbered \(map)
            """)
        let keys = schema == "other" ? other.foreignKeys : schema == "base" ? base?.foreignKeys ?? [] : main.foreignKeys
        var columns = [(table: table.table.identifier, column: SQLText.name(table.key[0]))]
        for key in keys where key.parent.folded == table.table.folded {
            for (from, to) in zip(key.from, key.to) where SQLText.folded(to) == SQLText.folded(table.key[0]) {
                columns.append((key.child.identifier, SQLText.name(from)))
            }
        }
        for (name, column) in columns {
            // By way of numbers that nobody has: no row steps on another.
            try connection.execute(
                """
                UPDATE \(schema).\(name) SET \(column) = \(Self.detour) +
                  (SELECT m.new FROM temp.renumbered AS m WHERE m.old = \(column))
                WHERE \(column) IN (SELECT old FROM temp.renumbered);
                UPDATE \(schema).\(name) SET \(column) = \(column) - \(Self.detour)
                WHERE typeof(\(column)) = 'integer' AND \(column) >= \(Self.detour)
                """)
        }
        try connection.execute("DROP TABLE temp.renumbered")
    }
}
