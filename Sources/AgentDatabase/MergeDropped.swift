import FileIO

/// Rows that are not in the merged tables, and what refers to them.
extension DatabaseMerge {
    /// The columns by which other rows refer to a table's.
    private func referred(_ table: MergedTable) -> [String] {
        var columns = table.key
        for key in foreignKeys where key.parent.folded == table.table.folded {
            for column in key.to where !columns.contains(where: { SQLText.folded($0) == SQLText.folded(column) }) {
                columns.append(column)
            }
        }
        return columns.filter { table.has($0) }
    }

    func createDropped(_ table: MergedTable) throws {
        guard foreignKeys.contains(where: { $0.parent.folded == table.table.folded }) else { return }
        let columns = SQLText.list(referred(table), of: "r")
        try connection.execute(
            """
            CREATE TEMP TABLE dropped_\(table.number) AS
            SELECT \(columns), '' AS "the loss" FROM main.\(table.identifier) AS r WHERE 0
            """)
    }

    /// Notes a row that will not be in the merged table.
    mutating func drop(_ key: [SQLiteValue], _ table: MergedTable, as loss: Loss, of place: Place) throws {
        let isKey = SQLText.equalParameters(table.key, of: "r")
        let row = "\(place.rawValue).\(table.identifier) AS r WHERE \(isKey)"
        try note(
            loss, place == .main ? table.table : table.other, of: place.sql, in: place.rawValue, as: "r", from: row, key
        )
        guard foreignKeys.contains(where: { $0.parent.folded == table.table.folded }) else { return }
        hasDropped = true
        let columns = SQLText.list(referred(table), of: "r")
        try connection.prepare("INSERT INTO \(table.dropped) SELECT \(columns), \(loss.sql) FROM \(row)")
            .run(key)
    }

    /// Takes out rows whose parents are not there, though they were on the side that the rows come from.
    mutating func dropChildren() throws {
        guard hasDropped else { return }
        // Each round takes rows out, until there is none.
        while true {
            try cancellation.check()
            var found = false
            for key in foreignKeys {
                guard let child = tables.first(where: { $0.table.folded == key.child.folded }),
                    let parent = tables.first(where: { $0.table.folded == key.parent.folded }),
                    key.to.allSatisfy(parent.has)
                else { continue }
                let lost = try connection.rows(
                    """
                    SELECT DISTINCT d."the loss", \(SQLText.list(child.key, of: "c"))
                    FROM main.\(child.identifier) AS c
                    JOIN \(parent.dropped) AS d ON \(SQLText.equal(key.from, of: "c", key.to, of: "d"))
                    WHERE \(key.isOrphan("c", in: "main")) LIMIT 10000
                    """)
                for row in lost {
                    let rowKey = Array(row.dropFirst())
                    let isOther = try !connection.rows(
                        """
                        SELECT 1 FROM other.\(child.identifier) AS o
                        WHERE \(SQLText.equalParameters(child.key, of: "o"))
                        """, rowKey
                    ).isEmpty
                    let loss = Loss(rawValue: row[0].string ?? "") ?? .lost
                    try drop(rowKey, child, as: loss, of: isOther ? .other : .main)
                    try connection.prepare(
                        "DELETE FROM main.\(child.identifier) WHERE \(SQLText.equalParameters(child.key))"
                    ).run(rowKey)
                    count(child) { if isOther { $0.inserted -= 1 } else { $0.deleted += 1 } }
                    found = true
                }
            }
            if !found { return }
        }
    }
}
