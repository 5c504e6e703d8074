/// Running numbers within groups, such as those of a session's events: both sides go on counting from where they parted.
///
/// Before rows are compared, the rows of a group are numbered alike in all images.
extension DatabaseMerge {
    private static let detour: Int64 = 1 << 60

    mutating func alignNumbers() throws {
        try alignKeys()
        for table in tables where table.table.kind == .ordinary {
            guard let numbering = table.table.numbering, table.has(numbering.number),
                numbering.group.allSatisfy(table.has)
            else { continue }
            try align(table, numbering)
        }
    }

    private func align(_ table: MergedTable, _ numbering: MergeTable.Numbering) throws {
        let (name, key, number) = (table.identifier, table.key, SQLText.name(numbering.number))
        let groups = numbering.group.indices.map { "g\($0)" }
        func isNew(_ alias: String, beside schema: String) -> String {
            (table.hasBase ? [schema, "base"] : [schema]).map {
                "NOT EXISTS (SELECT 1 FROM \($0).\(name) AS x WHERE \(SQLText.equal(key, of: "x", key, of: alias)))"
            }.joined(separator: " AND ")
        }
        let isGroup = SQLText.equal(numbering.group, of: "t", numbering.group, of: "o")
        let added = "\(isNew("o", beside: "main")) AND typeof(o.\(number)) = 'integer'"
        // Both sides have gone on in a group, or have one number for two rows.
        let grown =
            numbering.isLog
            ? """
            FROM (SELECT DISTINCT \(SQLText.list(numbering.group, of: "o")) FROM other.\(name) AS o WHERE \(added)) AS o
            WHERE EXISTS (SELECT 1 FROM main.\(name) AS t WHERE \(isGroup) AND \(isNew("t", beside: "other")))
            """
            : """
            FROM other.\(name) AS o CROSS JOIN main.\(name) AS t ON \(isGroup) AND t.\(number) = o.\(number)
            WHERE \(added)
            """
        try connection.execute(
            """
            CREATE TEMP TABLE numbered_group AS
            SELECT \(copies(numbering.group, "o", "g")), 'both' AS mode \(grown)
            UNION SELECT \(copies(numbering.group, "o", "g")), 'both' FROM other.\(name) AS o
            CROSS JOIN main.\(name) AS t ON \(SQLText.equal(key, of: "t", key, of: "o"))
            WHERE o.\(number) IS NOT t.\(number);
            CREATE INDEX temp.numbered_group_key ON numbered_group (\(groups.joined(separator: ", ")));
            """)
        if try !connection.rows("SELECT 1 FROM temp.numbered_group LIMIT 1").isEmpty {
            try renumber(table, numbering, groups)
        }
        try connection.execute("DROP TABLE temp.numbered_group")
    }

    private func copies(_ names: [String], _ alias: String, _ prefix: String) -> String {
        names.enumerated().map { "\(alias).\(SQLText.name($1)) AS \(prefix)\($0)" }.joined(separator: ", ")
    }

    /// Numbers the rows of the groups in `numbered_group`.
    private func renumber(_ table: MergedTable, _ numbering: MergeTable.Numbering, _ groups: [String]) throws {
        let (name, key, number) = (table.identifier, table.key, SQLText.name(numbering.number))
        func time(_ alias: String) -> String {
            let column = ["time_created", "created"].first(where: table.has)
            return column.map { "CASE WHEN typeof(\(alias).\($0)) = 'integer' THEN \(alias).\($0) ELSE 0 END" } ?? "0"
        }
        let group = groups.joined(separator: ", ")
        let keys = table.keyCopies.joined(separator: ", ")
        let isGroup = zip(numbering.group, groups).map { "r.\(SQLText.name($0)) = n.\($1)" }.joined(separator: " AND ")
        let beside = SQLText.equal(key, of: "x", key, of: "r")
        let baseJoin =
            table.hasBase
            ? "LEFT JOIN base.\(name) AS b ON \(SQLText.equal(key, of: "b", key, of: "r"))" : ""
        let baseNumber = table.hasBase ? "b.\(number)" : "NULL"
        func rows(_ schema: String, _ otherSchema: String) -> String {
            let (mine, theirs) = ("r.\(number)", "x.\(number)")
            return """
                SELECT \(groups.map { "n.\($0)" }.joined(separator: ", ")), \(copies(key, "r", "k")),
                  \(schema == "main" ? "\(mine), \(theirs)" : "\(theirs), \(mine)"), \(baseNumber), \(time("r"))
                FROM temp.numbered_group AS n CROSS JOIN \(schema).\(name) AS r ON \(isGroup)
                LEFT JOIN \(otherSchema).\(name) AS x ON \(beside) \(baseJoin)
                WHERE typeof(r.\(number)) = 'integer'
                """
        }
        try connection.execute(
            """
            CREATE TEMP TABLE numbered AS
            SELECT \(group), \(keys), 0 AS m, 0 AS o, 0 AS b, 0 AS t, 0 AS final
            FROM temp.numbered_group, (SELECT \(key.indices.map { "NULL AS k\($0)" }.joined(separator: ", "))) WHERE 0;
            INSERT INTO temp.numbered SELECT *, NULL FROM (\(rows("main", "other")));
            INSERT INTO temp.numbered SELECT *, NULL FROM (\(rows("other", "main"))) AS r
            WHERE NOT EXISTS (SELECT 1 FROM main.\(name) AS x WHERE
              \(zip(key, table.keyCopies).map { "x.\(SQLText.name($0)) = r.\($1)" }.joined(separator: " AND ")));
            CREATE INDEX temp.numbered_key ON numbered (\(keys));
            CREATE INDEX temp.numbered_of ON numbered (\(group));
            """)
        try chooseAuthority(groups)
        try assign(groups)
        for schema in table.hasBase ? ["main", "other", "base"] : ["main", "other"]
        where !(schema == "main" && onlyAdds) {
            let isRow = zip(key, table.keyCopies).map { "f.\($1) = r.\(SQLText.name($0))" }.joined(separator: " AND ")
            let current = schema == "main" ? "f.m" : schema == "other" ? "f.o" : "f.b"
            // By way of numbers that nobody has: no row steps on another.
            try connection.execute(
                """
                UPDATE OR IGNORE \(schema).\(name) AS r SET \(number) = \(Self.detour) + f.final FROM temp.numbered AS f
                WHERE \(isRow) AND \(current) IS NOT NULL AND \(current) <> f.final;
                UPDATE OR IGNORE \(schema).\(name) SET \(number) = \(number) - \(Self.detour)
                WHERE typeof(\(number)) = 'integer' AND \(number) >= \(Self.detour)
                """)
        }
        try connection.execute("DROP TABLE temp.numbered")
    }

    /// Finds the side whose numbers stay: a former merge has numbered the group anew there, or it is live.
    private func chooseAuthority(_ groups: [String]) throws {
        if onlyAdds { return try connection.execute("UPDATE temp.numbered_group SET mode = 'main'") }
        let isGroup = groups.map { "f.\($0) IS numbered_group.\($0)" }.joined(separator: " AND ")
        func changed(_ side: String) -> String {
            "EXISTS (SELECT 1 FROM temp.numbered AS f WHERE \(isGroup) AND f.b IS NOT NULL AND f.\(side) <> f.b)"
        }
        let differs = "EXISTS (SELECT 1 FROM temp.numbered AS f WHERE \(isGroup) AND f.m <> f.o)"
        try connection.execute(
            """
            UPDATE temp.numbered_group SET mode = CASE
              WHEN \(changed("m")) THEN 'main' WHEN \(changed("o")) THEN 'other' WHEN \(differs) THEN 'main'
              ELSE 'both' END
            """)
    }

    /// Finds the number of each row.
    private func assign(_ groups: [String]) throws {
        let group = groups.joined(separator: ", ")
        func of(_ mode: String) -> String {
            "EXISTS (SELECT 1 FROM temp.numbered_group AS n WHERE n.mode = '\(mode)' AND "
                + groups.map { "n.\($0) IS numbered.\($0)" }.joined(separator: " AND ") + ")"
        }
        for (mode, stays, moves) in [("main", "m", "o"), ("other", "o", "m")] {
            try connection.execute(
                """
                UPDATE temp.numbered SET final = \(stays) WHERE \(of(mode));
                UPDATE temp.numbered SET final = e.final FROM (
                  SELECT id, ifnull(top, 0) + row_number() OVER (PARTITION BY \(group) ORDER BY number) AS final
                  FROM (SELECT rowid AS id, \(group), \(moves) AS number, \(stays) AS given,
                    max(\(stays)) OVER (PARTITION BY \(group)) AS top FROM temp.numbered)
                  WHERE given IS NULL AND number IS NOT NULL) AS e
                WHERE numbered.rowid = e.id AND \(of(mode));
                """)
        }
        // In the order of time, as far as rows say when they were made; else a side's rows stay together.
        try connection.execute(
            """
            UPDATE temp.numbered SET final = coalesce(m, o)
            WHERE final IS NULL AND (b IS NOT NULL OR (m IS NOT NULL AND o IS NOT NULL));
            UPDATE temp.numbered SET final = e.final FROM (
              SELECT id, coalesce(top, min(number) OVER (PARTITION BY \(group)) - 1)
                + row_number() OVER (PARTITION BY \(group) ORDER BY moment, side, number) AS final
              FROM (SELECT rowid AS id, \(group), final AS given, coalesce(m, o) AS number,
                  max(final) OVER (PARTITION BY \(group)) AS top,
                  max(t) OVER (PARTITION BY \(group), m IS NULL, final IS NULL ORDER BY coalesce(m, o)) AS moment,
                  min(k0) OVER (PARTITION BY \(group), m IS NULL, final IS NULL) AS side
                FROM temp.numbered)
              WHERE given IS NULL) AS e
            WHERE numbered.rowid = e.id;
            """)
    }

    /// Lets `event_sequence` hold the last number of each group that either side has added to.
    mutating func raiseSequences() throws {
        guard let table = tables.first(where: { $0.table.isSequence }), table.has("seq"),
            table.other.isSequence
        else { return }
        let events = main.table("event").flatMap { $0.has("aggregate_id") && $0.has("seq") ? $0 : nil }
        // Found once for all groups: older databases have no index to find those of one group by.
        let last = events.map {
            """
            LEFT JOIN (SELECT aggregate_id, max(seq) AS last FROM main.\($0.identifier) GROUP BY aggregate_id) AS e
              ON e.aggregate_id = o.aggregate_id
            """
        }
        let number = events == nil ? "o.seq" : "max(o.seq, ifnull(e.last, 0))"
        try connection.execute(
            """
            UPDATE main.\(table.identifier) AS s SET seq = \(number)
            FROM other.\(table.identifier) AS o \(last ?? "") WHERE o.aggregate_id = s.aggregate_id
              AND typeof(s.seq) = 'integer' AND typeof(o.seq) = 'integer' AND s.seq < \(number)
            """)
        let raised = connection.changes
        if raised > 0 { count(table) { $0.updated += raised } }
    }
}
