/// Virtual tables: search indexes and R*Trees.
enum MergeVirtual {
    /// Whether the columns of a module's tables can be asked for.
    static func isKnown(_ module: String) -> Bool {
        ["fts3", "fts4", "fts5", "rtree", "rtree_i32"].contains(module)
    }

    /// Whether a module's tables hold rows of their own.
    static func keepsRows(_ module: String) -> Bool { isKnown(module) }

    /// Whether an index can be built anew from what it is an index of.
    static func isIndex(_ module: String) -> Bool { module.hasPrefix("fts") }
}

extension DatabaseMerge {
    /// Whether the rows of an index lie in a table of its own; the ones of others are built anew from an ordinary table.
    func hasOwnRows(_ table: MergeTable, in schema: String) throws -> Bool {
        guard case .virtual(let module) = table.kind else { return false }
        guard MergeVirtual.isIndex(module) else { return true }
        let rows = try connection.rows(
            "SELECT 1 FROM \(schema).sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            [.text(table.name + "_content")])
        return !rows.isEmpty
    }

    /// Builds search indexes anew, since no trigger has kept them in step with the rows that were written.
    mutating func rebuildIndexes() throws {
        guard outcome.tables.values.contains(where: { $0 != Counts() }) else { return }
        for table in main.tables {
            guard case .virtual(let module) = table.kind, MergeVirtual.isIndex(module) else { continue }
            if try hasOwnRows(table, in: "main"), !tables.contains(where: { $0.table.folded == table.folded }) {
                continue
            }
            if try hasOwnRows(table, in: "main"), outcome.tables[table.name, default: Counts()] == Counts() { continue }
            do throws(SQLiteError) {
                let name = table.identifier
                try connection.execute("SAVEPOINT build; INSERT INTO main.\(name)(\(name)) VALUES('rebuild')")
                try connection.execute("RELEASE build")
            } catch {
                try connection.execute("ROLLBACK TO build; RELEASE build")
                outcome.report.warnings.append(
                    "the search index '\(table.name)' could not be built anew (\(error.message)): it may not find what "
                        + "was merged")
            }
        }
    }

    /// Says that a virtual table stays as it is.
    mutating func noteUnmerged(_ table: MergeTable, _ module: String) throws {
        guard !MergeVirtual.isKnown(module) else { return }
        outcome.report.warnings.append(
            "'\(table.name)' is a virtual table of the module '\(module)', which is not merged: it may have to be built anew"
        )
    }
}
