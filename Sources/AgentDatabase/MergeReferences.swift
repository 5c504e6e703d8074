import FileIO

/// Keeping the foreign keys that held on both sides.
extension DatabaseMerge {
    /// A row that is back, by columns that tell it apart, and the image that still has what went with it.
    private struct Returned {
        let table: MergedTable
        let columns: [String]
        let values: [SQLiteValue]
        let source: String
    }

    private func merged(_ table: MergeTable) -> MergedTable? { tables.first { $0.table.folded == table.folded } }

    /// Brings back what went with rows whose deletion does not hold, since the other side had changed them.
    mutating func undoDeletions() throws {
        for table in tables
        where foreignKeys.contains(where: { $0.parent.folded == table.table.folded && $0.cascades }) {
            let rows = try connection.prepare(
                """
                SELECT action, \(SQLText.list(table.keyCopies)) FROM \(table.changes)
                WHERE action IN (\(Decision.keep.sql), \(Decision.back.sql))
                """)
            while try rows.step() {
                let row = rows.row
                let source = row[0].string == Decision.keep.rawValue ? "base" : "other"
                try bringBack([
                    Returned(table: table, columns: table.key, values: Array(row.dropFirst()), source: source)
                ])
            }
        }
    }

    /// Brings back the deleted rows that others refer to.
    mutating func restoreParents() throws {
        for key in foreignKeys {
            guard let parent = merged(key.parent), key.to.allSatisfy(parent.has), merged(key.child) != nil else {
                continue
            }
            let exists = [key.hasParent("c", in: "other")] + (parent.hasBase ? [key.hasParent("c", in: "base")] : [])
            let missing = try connection.prepare(
                """
                SELECT DISTINCT \(SQLText.list(key.from, of: "c")) FROM main.\(key.child.identifier) AS c
                WHERE \(key.isOrphan("c", in: "main")) AND (\(exists.joined(separator: " OR ")))
                """)
            var found: [[SQLiteValue]] = []
            while try missing.step() { found.append(missing.row) }
            for values in found {
                guard let parent = try restore(key, values) else { continue }
                try bringBack([parent])
            }
        }
    }

    /// Restores the parent that `values` refer to, from the other side if it has it, else from the base.
    private mutating func restore(_ key: ForeignKey, _ values: [SQLiteValue]) throws -> Returned? {
        guard let table = merged(key.parent), key.to.allSatisfy(table.has) else { return nil }
        let condition = SQLText.equalParameters(key.to, of: "r")
        let isThere = try connection.rows(
            "SELECT 1 FROM main.\(table.identifier) AS r WHERE \(condition) LIMIT 1", values)
        guard isThere.isEmpty else { return nil }
        for source in table.hasBase ? ["other", "base"] : ["other"] {
            let inserted = try copy(table, from: source, where: condition, values)
            if inserted > 0 { return Returned(table: table, columns: key.to, values: values, source: source) }
        }
        return nil
    }

    /// Copies rows that the merged table does not have. From the base only those that were deleted because the other side
    /// had.
    private mutating func copy(
        _ table: MergedTable, from source: String, where condition: String, _ values: [SQLiteValue]
    ) throws -> Int {
        let columns = source == "base" ? table.key + table.compared.filter(table.has) : table.written
        let statement = try connection.prepare(
            """
            INSERT OR IGNORE INTO main.\(table.identifier) (\(SQLText.list(columns)))
            SELECT \(SQLText.list(columns, of: "r")) FROM \(source).\(table.identifier) AS r
            WHERE \(condition) \(source == "base" ? "AND \(wasDeleted(table, "r"))" : "")
            """)
        try statement.run(values)
        let inserted = connection.changes
        count(table) { if source == "base" { $0.deleted -= inserted } else { $0.inserted += inserted } }
        restored[table.table.name, default: 0] += inserted
        return inserted
    }

    private func wasDeleted(_ table: MergedTable, _ alias: String) -> String {
        """
        EXISTS (SELECT 1 FROM \(table.changes) AS d
          WHERE \(SQLText.equal(table.key, of: alias, table.keyCopies, of: "d")) AND d.action = \(Decision.delete.sql))
        """
    }

    /// Follows rows that are back: to what they refer to, and to what had been deleted with them.
    private mutating func bringBack(_ rows: [Returned]) throws {
        var waiting = rows
        while let row = waiting.popLast() {
            try cancellation.check()
            let condition = SQLText.equalParameters(row.columns, of: "r")
            for key in foreignKeys where key.child.folded == row.table.table.folded {
                let missing = try connection.rows(
                    """
                    SELECT \(SQLText.list(key.from, of: "r")) FROM main.\(row.table.identifier) AS r
                    WHERE \(condition) AND \(key.isOrphan("r", in: "main"))
                    """, row.values)
                for values in missing { if let parent = try restore(key, values) { waiting.append(parent) } }
            }
            for key in foreignKeys where key.cascades && key.parent.folded == row.table.table.folded {
                guard let child = merged(key.child), row.source != "base" || child.hasBase else { continue }
                for lost in try lostChildren(key, child, of: row, condition) {
                    let isChild = SQLText.equalParameters(child.key, of: "r")
                    guard try copy(child, from: row.source, where: isChild, lost) > 0 else { continue }
                    waiting.append(Returned(table: child, columns: child.key, values: lost, source: row.source))
                }
            }
        }
    }

    /// The keys of rows that were deleted with a row that is back.
    private func lostChildren(
        _ key: ForeignKey, _ child: MergedTable, of row: Returned, _ condition: String
    ) throws -> [[SQLiteValue]] {
        guard key.from.allSatisfy(child.has) else { return [] }
        return try connection.rows(
            """
            SELECT \(SQLText.list(child.key, of: "c")) FROM main.\(row.table.identifier) AS r
            CROSS JOIN \(row.source).\(child.identifier) AS c ON \(SQLText.equal(key.from, of: "c", key.to, of: "r"))
            WHERE \(condition) AND NOT EXISTS (SELECT 1 FROM main.\(child.identifier) AS m
              WHERE \(SQLText.equal(child.key, of: "m", child.key, of: "c")))
            \(row.source == "base" ? "AND \(wasDeleted(child, "c"))" : "")
            """, row.values)
    }

    mutating func warnOfRestored() {
        for (name, rows) in restored.sorted(by: { $0.key < $1.key }) where rows > 0 {
            outcome.report.warnings.append(
                "In '\(name)' \(rows) row(s) that one side had deleted are back, because the other side went on with "
                    + "what they belong to.")
        }
    }
}
