/// Sessions that a side of another schema than the base's has deleted.
extension DatabaseMerge {
    private static let sessionTables = ["session_v2", "session"]

    /// Finds the sessions that the base has and a side has no longer.
    ///
    /// They are looked for in a table of sessions that both have, so that what a schema has no place for is not deleted.
    /// A 2.x that has taken over the rows of 1.x has deleted a session if only the row that was taken over is left.
    func rememberSessions() throws {
        for (place, schema, meaning) in [(Place.main, main, deletions.main), (.other, other, deletions.other)] {
            let gone = "gone_\(place.rawValue)"
            try connection.execute("CREATE TEMP TABLE \(gone) (id PRIMARY KEY)")
            guard let base, meaning == .sessions else { continue }
            for name in Self.sessionTables {
                guard let before = base.table(name), let now = schema.table(name), before.kind == .ordinary,
                    now.kind == .ordinary, before.has("id"), now.has("id"), now.canHold(before)
                else { continue }
                // 2.x leaves the rows of 1.x as it found them: one that is missing there has never been taken over.
                if name == "session", schema.secondSessions != nil { continue }
                try connection.execute(
                    """
                    INSERT OR IGNORE INTO temp.\(gone) SELECT b.id FROM base.\(before.identifier) AS b
                    WHERE b.id IS NOT NULL AND NOT EXISTS
                      (SELECT 1 FROM \(place.rawValue).\(now.identifier) AS n WHERE n.id = b.id)
                    """)
            }
            if base.secondSessions == nil, schema.hasImported, let first = base.firstSessions,
                let frozen = schema.firstSessions, let second = schema.secondSessions
            {
                try connection.execute(
                    """
                    INSERT OR IGNORE INTO temp.\(gone) SELECT b.id FROM base.\(first.identifier) AS b
                    WHERE EXISTS (SELECT 1 FROM \(place.rawValue).\(frozen.identifier) AS f WHERE f.id = b.id)
                      AND NOT EXISTS (SELECT 1 FROM \(place.rawValue).\(second.identifier) AS n WHERE n.id = b.id)
                    """)
            }
        }
    }

    func isGone(_ session: String, from place: Place) -> String {
        "EXISTS (SELECT 1 FROM temp.gone_\(place.rawValue) AS g WHERE g.id = \(session))"
    }

    /// Deletes what belongs to sessions that the other side deleted in tables that it does not share with the target:
    /// those of 1.x are not those of 2.x. A session that was written to since stays.
    mutating func decideSessions() throws {
        guard let base, !onlyAdds, (main.secondSessions == nil) != (other.secondSessions == nil),
            let now = main.secondSessions ?? main.firstSessions,
            let before = main.secondSessions == nil
                ? base.firstSessions ?? base.secondSessions : base.secondSessions ?? base.firstSessions,
            now.has("time_updated"), before.has("time_updated")
        else { return }
        if deletions.other == .all, let first = base.firstSessions, let there = other.firstSessions {
            // Of one schema with the base, which is that of 1.x: rows were decided about, sessions not yet.
            try connection.execute(
                """
                INSERT OR IGNORE INTO temp.gone_other SELECT b.id FROM base.\(first.identifier) AS b
                WHERE b.id IS NOT NULL
                  AND NOT EXISTS (SELECT 1 FROM other.\(there.identifier) AS n WHERE n.id = b.id)
                """)
        }
        try connection.execute(
            """
            CREATE TEMP TABLE deleted_session AS SELECT g.id AS id FROM temp.gone_other AS g
            JOIN base.\(before.identifier) AS b ON b.id = g.id JOIN main.\(now.identifier) AS t ON t.id = g.id
            WHERE t.time_updated = b.time_updated
            """)
        guard try !connection.rows("SELECT 1 FROM temp.deleted_session LIMIT 1").isEmpty else { return }
        // Rows that belong to a session through others go before those.
        let columns = main.tables.compactMap { table -> (table: MergeTable, session: String)? in
            guard table.kind == .ordinary, !isLeftAlone(table), !table.isEvents else { return nil }
            return sessionColumn(table, in: "main", as: "t").map { (table, $0) }
        }
        for (table, session) in columns.sorted(by: { $0.session.utf8.count > $1.session.utf8.count }) {
            try connection.execute(
                """
                DELETE FROM main.\(table.identifier) AS t
                WHERE \(session) IN (SELECT id FROM temp.deleted_session)
                """)
            let deleted = connection.changes
            if deleted > 0 { outcome.tables[table.name, default: Counts()].deleted += deleted }
        }
    }
}
