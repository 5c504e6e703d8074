import FileIO

/// Rows that both sides added under one running number.
extension DatabaseMerge {
    /// Finds the groups in which new rows of both sides have one number, and moves those of the newer image behind.
    ///
    /// Ours are moved as they are written, theirs in place. All new rows of a group move by one distance, which keeps
    /// their order and gaps.
    mutating func numberAnew(_ table: MergeTable) throws {
        guard let numbering = table.numbering else { return }
        let (name, number) = (table.identifier, SQLText.name(numbering.number))
        let copies = numbering.group.enumerated().map { "o.\(SQLText.name($1)) AS g\($0)" }.joined(separator: ", ")
        // Their new rows: absent in the base, and in ours.
        let theirsAreNew = """
            NOT EXISTS (SELECT 1 FROM ours.\(name) AS x WHERE \(SQLText.equal(table.key, of: "x", table.key, of: "t")))
            """
            + (hasBase
                ? """
                 AND NOT EXISTS
                  (SELECT 1 FROM base.\(name) AS y WHERE \(SQLText.equal(table.key, of: "y", table.key, of: "t")))
                """ : "")
        try connection.execute(
            """
            CREATE TEMP TABLE group_\(table.number) AS SELECT DISTINCT \(copies)
            FROM \(table.changes) AS c
            CROSS JOIN ours.\(name) AS o ON \(SQLText.equal(table.key, of: "o", table.keyCopies, of: "c"))
            CROSS JOIN main.\(name) AS t ON \(SQLText.equal(numbering.group, of: "t", numbering.group, of: "o"))
              AND t.\(number) = o.\(number)
            WHERE c.action = \(Decision.insert.sql) AND typeof(o.\(number)) = 'integer' AND \(theirsAreNew)
            """)
        numbered.insert(table.number)
        let groups = try connection.prepare("SELECT * FROM \(table.groups)")
        var moved = 0
        while try groups.step() {
            try cancellation.check()
            moved += try moveGroup(groups.row, table, numbering, theirsAreNew: theirsAreNew)
        }
        guard moved > 0 else { return }
        outcome.warnings.append(
            "Both sides added to the same groups of '\(table.name)': \(moved) new row(s) of the newer side are now "
                + "numbered after those of the other, in their order.")
    }

    private mutating func moveGroup(
        _ group: [SQLiteValue], _ table: MergeTable, _ numbering: MergeTable.Numbering, theirsAreNew: String
    ) throws -> Int {
        let (name, number) = (table.identifier, SQLText.name(numbering.number))
        func integers(_ alias: String) -> String {
            "\(SQLText.equalParameters(numbering.group, of: alias)) AND typeof(\(alias).\(number)) = 'integer'"
        }
        let oursAreNew = """
            EXISTS (SELECT 1 FROM \(table.changes) AS c
              WHERE \(SQLText.equal(table.key, of: "o", table.keyCopies, of: "c")) AND c.action = \(Decision.insert.sql))
            """
        // An agent knows its rows by their numbers: those of a live database stay.
        let movesTheirs = preferTheirs && !onlyAdds
        let (moving, alias, isNew) = movesTheirs ? ("main", "t", theirsAreNew) : ("ours", "o", oursAreNew)
        let (staying, stayingAlias) = movesTheirs ? ("ours", "o") : ("main", "t")
        let range = try connection.rows(
            """
            SELECT min(number) FILTER (WHERE moves), max(number) FILTER (WHERE NOT moves) FROM (
              SELECT \(alias).\(number) AS number, \(isNew) AS moves
              FROM \(moving).\(name) AS \(alias) WHERE \(integers(alias))
              UNION ALL
              SELECT \(stayingAlias).\(number), 0 FROM \(staying).\(name) AS \(stayingAlias)
              WHERE \(integers(stayingAlias)))
            """, group)
        let limit: Int64 = 1 << 53
        guard let low = range.first?[0].integer, let top = range.first?[1].integer, low <= top,
            top < limit, low > -limit
        else { return 0 }
        let shift = top + 1 - low
        if !movesTheirs {
            let mark = try connection.prepare(
                """
                UPDATE \(table.changes) SET number = ?\(group.count + 1) WHERE rowid IN (
                  SELECT c.rowid FROM ours.\(name) AS o CROSS JOIN \(table.changes) AS c
                  ON \(SQLText.equal(table.key, of: "o", table.keyCopies, of: "c"))
                  WHERE \(integers("o")) AND c.action = \(Decision.insert.sql))
                """)
            try mark.run(group + [.integer(shift)])
            return connection.changes
        }
        // From the last to the first, none steps on another.
        let rows = try connection.rows(
            """
            SELECT \(SQLText.list(table.key, of: "t")) FROM main.\(name) AS t
            WHERE \(integers("t")) AND \(isNew) ORDER BY t.\(number) DESC
            """, group)
        let move = try connection.prepare(
            """
            UPDATE main.\(name) SET \(number) = \(number) + ?\(table.key.count + 1)
            WHERE \(SQLText.equalParameters(table.key))
            """)
        for key in rows { try move.run(key + [.integer(shift)]) }
        count(table) { $0.updated += rows.count }
        return rows.count
    }

    /// Lets `event_sequence` hold the last number of each group that either side has added to.
    mutating func raiseSequences(_ table: MergeTable) throws {
        if table.isAutoincrement { try raiseAutomaticNumber(table) }
        guard isSequence(table) else { return }
        let change = try connection.prepare(
            """
            UPDATE main.event_sequence SET seq = c.number FROM \(table.changes) AS c
            WHERE event_sequence.aggregate_id = c.k0 AND c.number > event_sequence.seq
              AND c.action IN (\(Decision.win.sql), \(Decision.lose.sql))
            """)
        try change.run()
        var raised = connection.changes
        if let events = tables.first(where: { $0.name == "event" && numbered.contains($0.number) }),
            events.numbering?.group == ["aggregate_id"], events.numbering?.number == "seq"
        {
            let renumbered = try connection.prepare(
                """
                UPDATE main.event_sequence SET seq = e.last FROM
                  (SELECT g.g0 AS id, (SELECT max(seq) FROM main.event WHERE aggregate_id = g.g0) AS last
                   FROM \(events.groups) AS g) AS e
                WHERE event_sequence.aggregate_id = e.id AND e.last > event_sequence.seq
                """)
            try renumbered.run()
            raised += connection.changes
        }
        count(table) { $0.updated += raised }
    }

    private func raiseAutomaticNumber(_ table: MergeTable) throws {
        let last = try lastNumber(table)
        let update = try connection.prepare("UPDATE main.sqlite_sequence SET seq = ?1 WHERE name = ?2 AND seq < ?1")
        try update.run([.integer(last), .text(table.name)])
    }

    /// Gives the older image's new rows of an `AUTOINCREMENT` table numbers behind all others.
    mutating func applyCollisions(_ table: MergeTable) throws {
        let collisions = try connection.prepare(
            "SELECT k0 FROM \(table.changes) WHERE action = \(Decision.collide.sql) ORDER BY k0")
        guard try collisions.first() != nil else { return }
        var next = try lastNumber(table) + 1
        let key = SQLText.list(table.key)
        let columns = SQLText.list(table.values)
        // Another UNIQUE index may not allow both.
        let add = try connection.prepare(
            """
            INSERT OR \(preferTheirs ? "IGNORE" : "REPLACE") INTO main.\(table.identifier)
              (\(([key] + (columns.isEmpty ? [] : [columns])).joined(separator: ", ")))
            SELECT \((["?2"] + (columns.isEmpty ? [] : [columns])).joined(separator: ", "))
            FROM ours.\(table.identifier) WHERE \(key) = ?1
            """)
        let move = try connection.prepare("UPDATE main.\(table.identifier) SET \(key) = ?2 WHERE \(key) = ?1")
        var expected = try rowCount(table)
        while try collisions.step() {
            try cancellation.check()
            let id = collisions[0]
            if !preferTheirs { try move.run([id, .integer(next)]) }
            try add.run([id, preferTheirs ? .integer(next) : id])
            next += 1
            expected += 1
            count(table) { $0.inserted += 1 }
        }
        try drop(expected - rowCount(table), table)
    }
}
