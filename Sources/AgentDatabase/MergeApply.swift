import FileIO

/// Writing what was decided.
extension DatabaseMerge {
    mutating func apply(_ table: MergeTable) throws {
        let (name, key) = (table.identifier, table.key)
        let keys = key.count == 1 ? SQLText.list(key) : "(\(SQLText.list(key)))"
        try connection.execute(
            """
            DELETE FROM main.\(name) WHERE \(keys) IN
              (SELECT \(SQLText.list(table.keyCopies)) FROM \(table.changes) WHERE action = \(Decision.delete.sql))
            """)
        let deleted = connection.changes
        count(table) { $0.deleted += deleted }
        try applyCollisions(table)
        let pending = try applyRows(table)
        guard !pending.isEmpty else { return }
        if preferTheirs { try fit(pending, table) } else { try force(pending, table) }
    }

    /// Writes our rows one by one, so that one that cannot be written stops no other.
    /// - Returns: the changes that a UNIQUE index did not allow, as rows of ``MergeTable/changes``.
    private mutating func applyRows(_ table: MergeTable) throws -> [Int64] {
        let changes = try connection.prepare(
            """
            SELECT \(MergeChange.columns(table)), action IN (\(Decision.insert.sql), \(Decision.back.sql))
            FROM \(table.changes) WHERE action IN
              (\(Decision.insert.sql), \(Decision.back.sql), \(Decision.update.sql), \(Decision.win.sql))
            """)
        let writer = try MergeWriter(table, in: connection)
        var pending: [Int64] = []
        while try changes.step() {
            try cancellation.check()
            let row = changes.row
            let change = MergeChange(row, table)
            let isNew = row.last == .integer(1)
            do throws(SQLiteError) {
                try writer.write(change, isNew: isNew)
                count(table) { if isNew { $0.inserted += 1 } else { $0.updated += 1 } }
            } catch {
                guard error.isUniqueViolation else { throw error }
                pending.append(change.rowid)
            }
        }
        return pending
    }

    /// Writes rows of the newer image over those that a UNIQUE index does not allow beside them.
    private mutating func force(_ pending: [Int64], _ table: MergeTable) throws {
        let writer = try MergeWriter(table, or: "OR REPLACE", in: connection)
        let find = try PendingRows(table, in: connection)
        var expected = try rowCount(table)
        for rowid in pending where try find(rowid).isNew { expected += 1 }
        for rowid in pending {
            try cancellation.check()
            // It may be gone, replaced by one before it that took its place: so two can exchange names.
            let (change, isNew) = try find(rowid)
            try writer.write(change, isNew: isNew)
            count(table) { if isNew { $0.inserted += 1 } else { $0.updated += 1 } }
        }
        try drop(expected - rowCount(table), table)
    }

    /// Writes rows of the older image where a UNIQUE index allows them.
    ///
    /// They may only have stood in each other's way, as two rows that exchange a name: so all are taken out and put
    /// back together. Those that still do not fit are left as the newer image has them.
    private mutating func fit(_ pending: [Int64], _ table: MergeTable) throws {
        var left = pending
        // Each round may free what another needs. A hostile image could ask for as many rounds as it has rows.
        var rounds = 0
        while !left.isEmpty {
            rounds += 1
            let failed = rounds > 8 ? Set(left) : try attempt(left, table)
            if failed.isEmpty { break }
            left.removeAll(where: failed.contains)
        }
        drop(pending.count - left.count, table)
    }

    /// - Returns: the rows that did not fit; if there are any, nothing is written.
    private mutating func attempt(_ rowids: [Int64], _ table: MergeTable) throws -> Set<Int64> {
        let before = outcome.tables[table.name]
        let writer = try MergeWriter(table, in: connection)
        let find = try PendingRows(table, in: connection)
        let delete = try connection.prepare(
            "DELETE FROM main.\(table.identifier) WHERE \(SQLText.equalParameters(table.key))")
        try connection.execute("SAVEPOINT fit")
        var present: Set<Int64> = []
        for rowid in rowids {
            let (change, isNew) = try find(rowid)
            if !isNew { present.insert(rowid) }
            try delete.run(change.key)
        }
        var failed: Set<Int64> = []
        for rowid in rowids {
            try cancellation.check()
            do throws(SQLiteError) {
                try writer.write(find(rowid).change, isNew: true)
                count(table) { if present.contains(rowid) { $0.updated += 1 } else { $0.inserted += 1 } }
            } catch {
                guard error.isUniqueViolation else { throw error }
                failed.insert(rowid)
            }
        }
        if !failed.isEmpty {
            try connection.execute("ROLLBACK TO fit")
            outcome.tables[table.name] = before
        }
        try connection.execute("RELEASE fit")
        return failed
    }

    func rowCount(_ table: MergeTable) throws -> Int {
        Int(try connection.rows("SELECT count(*) FROM main.\(table.identifier)").first?.first?.integer ?? 0)
    }

    /// Notes that rows of the older image had to give way.
    mutating func drop(_ rows: Int, _ table: MergeTable) {
        guard rows > 0 else { return }
        hasDropped = true
        outcome.warnings.append(
            "In '\(table.name)' \(rows) row(s) of the older side gave way to rows of the newer side that a UNIQUE "
                + "constraint does not allow beside them.")
    }
}

/// Reads changes back by their place.
private struct PendingRows {
    private let table: MergeTable
    private let change: SQLiteStatement
    private let exists: SQLiteStatement

    init(_ table: MergeTable, in connection: SQLiteConnection) throws(SQLiteError) {
        self.table = table
        change = try connection.prepare("SELECT \(MergeChange.columns(table)) FROM \(table.changes) WHERE rowid = ?1")
        exists = try connection.prepare(
            "SELECT 1 FROM main.\(table.identifier) WHERE \(SQLText.equalParameters(table.key))")
    }

    /// - Returns: the change, and whether the merged table has no row with its key.
    func callAsFunction(_ rowid: Int64) throws(SQLiteError) -> (change: MergeChange, isNew: Bool) {
        let found = MergeChange(try change.first([.integer(rowid)]) ?? [], table)
        return (found, try exists.first(found.key) == nil)
    }
}
