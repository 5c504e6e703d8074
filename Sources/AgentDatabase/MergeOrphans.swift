/// Rows that refer to one that had to give way to a UNIQUE index.
extension DatabaseMerge {
    /// Notes which of their rows refer to nothing from the start, where the merge could make more of them.
    func rememberOrphans() throws {
        guard tables.contains(where: { $0.hasUniqueIndex && !$0.isVirtual }) else { return }
        for key in foreignKeys where !key.child.key.isEmpty {
            let copies = zip(key.child.key, key.child.keyCopies).map { "c.\(SQLText.name($0)) AS \($1)" }
            try connection.execute(
                """
                CREATE TEMP TABLE orphan_\(key.number) AS SELECT \(copies.joined(separator: ", "))
                FROM main.\(key.child.identifier) AS c WHERE \(key.isOrphan("c", in: "main"));
                CREATE INDEX temp.orphan_\(key.number)_key
                ON orphan_\(key.number) (\(SQLText.list(key.child.keyCopies)))
                """)
        }
    }

    /// Deletes rows that refer to nothing, though they did refer to something on the side they come from.
    mutating func dropOrphans() throws {
        guard tables.contains(where: { $0.hasUniqueIndex && !$0.isVirtual }) else { return }
        var dropped: [String: Int] = [:]
        // A round for each level that rows hang on one another.
        for _ in 0..<64 {
            var found = 0
            for key in foreignKeys where decided.contains(key.child.number) {
                let name = key.child.identifier
                let wasOrphan = """
                    EXISTS (SELECT 1 FROM temp.orphan_\(key.number) AS n
                      WHERE \(SQLText.equal(key.child.key, of: "c", key.child.keyCopies, of: "n")))
                    """
                let wasOurOrphan = """
                    EXISTS (SELECT 1 FROM ours.\(name) AS o
                      WHERE \(SQLText.equal(key.child.key, of: "o", key.child.key, of: "c"))
                        AND NOT \(SQLText.differ(key.from, "o", "c")) AND \(key.isOrphan("o", in: "ours")))
                    """
                try connection.execute(
                    """
                    DELETE FROM main.\(name) AS c WHERE \(key.isOrphan("c", in: "main"))
                      AND NOT \(wasOrphan) AND NOT \(wasOurOrphan)
                    """)
                let deleted = connection.changes
                found += deleted
                dropped[key.child.name, default: 0] += deleted
                count(key.child) { $0.deleted += deleted }
            }
            if found == 0 { break }
        }
        for (name, rows) in dropped.sorted(by: { $0.key < $1.key }) where rows > 0 {
            outcome.warnings.append("In '\(name)' \(rows) row(s) went with the rows that they belonged to.")
        }
    }
}
