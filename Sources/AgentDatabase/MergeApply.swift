import FileIO

/// Writing what was decided.
extension DatabaseMerge {
    mutating func apply(_ table: MergedTable) throws {
        let (name, key) = (table.identifier, table.key)
        let keys = key.count == 1 ? SQLText.list(key) : "(\(SQLText.list(key)))"
        try connection.execute(
            """
            DELETE FROM main.\(name) WHERE \(keys) IN
              (SELECT \(SQLText.list(table.keyCopies)) FROM \(table.changes) WHERE action = \(Decision.delete.sql))
            """)
        let deleted = connection.changes
        count(table) { $0.deleted += deleted }
        let pending = try applyRows(table)
        guard !pending.isEmpty else { return }
        try settle(pending, table)
    }

    /// Writes rows of the other side one by one, so that one that cannot be written stops no other.
    /// - Returns: the changes that a UNIQUE index did not allow, as rows of ``MergedTable/changes``.
    private mutating func applyRows(_ table: MergedTable) throws -> [Int64] {
        let changes = try connection.prepare(
            """
            SELECT rowid, action IN (\(Decision.insert.sql), \(Decision.back.sql)), \(SQLText.list(table.keyCopies))
            FROM \(table.changes) WHERE action IN
              (\(Decision.insert.sql), \(Decision.back.sql), \(Decision.update.sql), \(Decision.win.sql))
            """)
        let writer = try MergeWriter(table, in: connection)
        var pending: [Int64] = []
        while try changes.step() {
            try cancellation.check()
            let row = changes.row
            let (isNew, key) = (row[1] == .integer(1), Array(row[2...]))
            do throws(SQLiteError) {
                try writer.write(key, isNew: isNew)
                count(table) { if isNew { $0.inserted += 1 } else { $0.updated += 1 } }
            } catch {
                if error.isUniqueViolation, let rowid = row[0].integer {
                    pending.append(rowid)
                } else if error.isUnfit {
                    try drop(key, table, as: .unplaced, of: .other)
                } else {
                    throw error
                }
            }
        }
        return pending
    }

    /// Settles rows that stand in the way of each other, or of the target's.
    ///
    /// They may only have exchanged names: so all are taken out and put back together. For each that still does not fit, it or
    /// those in its way have to go.
    private mutating func settle(_ pending: [Int64], _ table: MergedTable) throws {
        var left = pending
        // Each round may free what another needs. A hostile image could ask for as many rounds as it has rows.
        var rounds = 0
        while !left.isEmpty {
            rounds += 1
            let failed = rounds > 8 ? Set(left) : try attempt(left, table)
            if failed.isEmpty { break }
            left.removeAll(where: failed.contains)
        }
        let fitting = Set(left)
        let find = try connection.prepare(
            "SELECT \(SQLText.list(table.keyCopies)) FROM \(table.changes) WHERE rowid = ?1")
        for rowid in pending where !fitting.contains(rowid) {
            try cancellation.check()
            guard let key = try find.first([.integer(rowid)]) else { continue }
            try duel(key, table)
        }
    }

    /// - Returns: the rows that did not fit; if there are any, nothing is written.
    private mutating func attempt(_ rowids: [Int64], _ table: MergedTable) throws -> Set<Int64> {
        let before = outcome.tables[table.table.name]
        let writer = try MergeWriter(table, in: connection)
        let find = try connection.prepare(
            "SELECT \(SQLText.list(table.keyCopies)) FROM \(table.changes) WHERE rowid = ?1")
        let isKey = SQLText.equalParameters(table.key)
        try connection.execute(
            "SAVEPOINT fit; CREATE TEMP TABLE parked AS SELECT * FROM main.\(table.identifier) WHERE 0")
        let park = try connection.prepare(
            "INSERT INTO temp.parked SELECT * FROM main.\(table.identifier) WHERE \(isKey)")
        let delete = try connection.prepare("DELETE FROM main.\(table.identifier) WHERE \(isKey)")
        let unpark = try connection.prepare(MergeWriter.insertion(table, parked: true))
        var present: Set<Int64> = []
        for rowid in rowids {
            guard let key = try find.first([.integer(rowid)]) else { continue }
            try park.run(key)
            if connection.changes > 0 { present.insert(rowid) }
            try delete.run(key)
        }
        var failed: Set<Int64> = []
        for rowid in rowids {
            try cancellation.check()
            guard let key = try find.first([.integer(rowid)]) else { continue }
            do throws(SQLiteError) {
                if present.contains(rowid) { try unpark.run(key) } else { try writer.write(key, isNew: true) }
                count(table) { if present.contains(rowid) { $0.updated += 1 } else { $0.inserted += 1 } }
            } catch {
                guard error.isUniqueViolation || error.isUnfit else { throw error }
                failed.insert(rowid)
            }
        }
        if !failed.isEmpty {
            try connection.execute("ROLLBACK TO fit")
            outcome.tables[table.table.name] = before
        } else {
            try connection.execute("DROP TABLE temp.parked")
        }
        try connection.execute("RELEASE fit")
        return failed
    }

    /// Decides between a row of the other side and those of the target that a UNIQUE index does not allow beside it.
    private mutating func duel(_ key: [SQLiteValue], _ table: MergedTable) throws {
        let isNew = try connection.rows(
            "SELECT 1 FROM main.\(table.identifier) WHERE \(SQLText.equalParameters(table.key))", key
        ).isEmpty
        let rivals = try rivals(of: key, table)
        // A live database loses nothing.
        if !onlyAdds, !rivals.isEmpty, rivals.allSatisfy({ $0.otherWins }) {
            try connection.execute("SAVEPOINT duel")
            let writer = try MergeWriter(table, in: connection)
            let delete = try connection.prepare(
                "DELETE FROM main.\(table.identifier) WHERE \(SQLText.equalParameters(table.key))")
            for rival in rivals {
                try drop(rival.key, table, as: .lost, of: .main)
                try delete.run(rival.key)
                count(table) { $0.deleted += 1 }
            }
            do throws(SQLiteError) {
                try writer.write(key, isNew: isNew)
                try connection.execute("RELEASE duel")
                outcome.conflicts += rivals.count
                return count(table) { if isNew { $0.inserted += 1 } else { $0.updated += 1 } }
            } catch {
                guard error.isUniqueViolation else { throw error }
                count(table) { $0.deleted -= rivals.count }
                try connection.execute("ROLLBACK TO duel; RELEASE duel")
            }
        }
        outcome.conflicts += 1
        if isNew {
            try drop(key, table, as: .lost, of: .other)
        } else {
            try note(
                .lost, table.other, of: Place.other.sql, in: "other", as: "o",
                from: "other.\(table.identifier) AS o WHERE \(SQLText.equalParameters(table.key, of: "o"))", key)
        }
    }

    /// The target's rows that have what a UNIQUE index allows once and the other side's row has, too.
    private func rivals(
        of key: [SQLiteValue], _ table: MergedTable
    ) throws -> [(key: [SQLiteValue], otherWins: Bool)] {
        var found: [[SQLiteValue]: Bool] = [:]
        for columns in table.table.uniqueIndexes.compactMap(\.plainColumns) where columns.allSatisfy(table.has) {
            let rows = try connection.rows(
                """
                SELECT \(otherWins(table)), \(SQLText.list(table.key, of: "t"))
                FROM other.\(table.identifier) AS o
                CROSS JOIN main.\(table.identifier) AS t ON \(SQLText.equal(columns, of: "t", columns, of: "o"))
                WHERE \(SQLText.equalParameters(table.key, of: "o"))
                  AND NOT (\(SQLText.equal(table.key, of: "t", table.key, of: "o"))) LIMIT 100
                """, key)
            for row in rows { found[Array(row.dropFirst())] = row[0] == .integer(1) }
        }
        return found.map { ($0.key, $0.value) }
    }
}

/// Copies rows of the other side, by key, into the merged table.
struct MergeWriter {
    private let insert: SQLiteStatement
    private let update: SQLiteStatement?

    init(_ table: MergedTable, in connection: SQLiteConnection) throws(SQLiteError) {
        insert = try connection.prepare(Self.insertion(table))
        update = table.replaced.isEmpty ? nil : try connection.prepare(Self.replacement(table))
    }

    /// - Parameter isNew: whether the merged table has no row with the key.
    /// - Throws: ``SQLiteError``.
    func write(_ key: [SQLiteValue], isNew: Bool) throws(SQLiteError) {
        if isNew { try insert.run(key) } else { try update?.run(key) }
    }

    /// - Parameter parked: the columns that only the target has come from a row that was taken out.
    static func insertion(_ table: MergedTable, parked: Bool = false) -> String {
        let own = parked ? table.own : []
        let columns = SQLText.list(table.written + own)
        let values = table.written.map { "o.\(SQLText.name($0))" } + own.map { "p.\(SQLText.name($0))" }
        return """
            INSERT INTO main.\(table.identifier) (\(columns)) SELECT \(values.joined(separator: ", "))
            FROM other.\(table.identifier) AS o
            \(parked ? "LEFT JOIN temp.parked AS p ON \(SQLText.equal(table.key, of: "p", table.key, of: "o"))" : "")
            WHERE \(SQLText.equalParameters(table.key, of: "o"))
            """
    }

    private static func replacement(_ table: MergedTable) -> String {
        """
        UPDATE main.\(table.identifier) SET (\(SQLText.list(table.replaced))) =
          (SELECT \(SQLText.list(table.replaced, of: "o")) FROM other.\(table.identifier) AS o
           WHERE \(SQLText.equalParameters(table.key, of: "o")))
        WHERE \(SQLText.equalParameters(table.key))
        """
    }
}
