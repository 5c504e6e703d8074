/// The schema of one database of a connection, as far as a merge depends on it.
struct DatabaseSchema: Sendable {
    var tables: [MergeTable] = []
    /// Indexes, triggers, views and virtual tables, by name, each as its normalised SQL.
    var others: [String: String] = [:]
    var userVersion: Int64 = 0
    /// By table, the migrations that were applied.
    var migrations: [String: Set<SQLiteValue>] = [:]

    /// - Parameter schema: `main`, or the name that the database was attached under.
    /// - Throws: ``SQLiteError``.
    static func read(_ schema: String, in connection: SQLiteConnection) throws(SQLiteError) -> DatabaseSchema {
        var result = DatabaseSchema()
        result.userVersion = try connection.rows("PRAGMA \(schema).user_version").first?.first?.integer ?? 0
        let objects = try connection.rows(
            """
            SELECT type, name, sql, rootpage FROM \(schema).sqlite_schema
            WHERE sql IS NOT NULL AND lower(name) NOT GLOB 'sqlite_*' ORDER BY name COLLATE BINARY
            """)
        // A virtual table and the tables it keeps its data in, whose names begin with its own.
        let virtual = objects.filter { $0[0].string == "table" && ($0[3].integer ?? 0) == 0 }
            .compactMap { $0[1].string }
        let sequences = try connection.rows(
            "SELECT 1 FROM \(schema).sqlite_schema WHERE name = 'sqlite_sequence' AND type = 'table'")
        for object in objects {
            guard let type = object[0].string, let name = object[1].string, let sql = object[2].string else { continue }
            guard type == "table", !virtual.contains(name) else {
                result.others["\(type) \(name)"] = SQLText.normalized(sql)
                continue
            }
            let columns = try columns(of: name, in: schema, connection)
            let key = columns.filter { $0.keyPosition > 0 }
            let indexes = try uniqueIndexes(of: name, in: schema, connection)
            let table = MergeTable(
                name: name, number: result.tables.count, columns: columns,
                isVirtual: virtual.contains { name.hasPrefix("\($0)_") },
                isAutoincrement: !sequences.isEmpty && key.count == 1 && key[0].type.uppercased() == "INTEGER"
                    && sql.uppercased().contains("AUTOINCREMENT"),
                hasUniqueIndex: !indexes.isEmpty,
                numbering: indexes.compactMap { numbering($0, columns) }.first)
            result.tables.append(table)
            if table.isMigrations, let identity = table.migrationIdentity {
                let rows = try connection.rows("SELECT \(SQLText.name(identity)) FROM \(schema).\(table.identifier)")
                result.migrations[name] = Set(rows.map { $0[0] })
            }
        }
        return result
    }

    private static func columns(
        of table: String, in schema: String, _ connection: SQLiteConnection
    ) throws(SQLiteError) -> [MergeTable.Column] {
        try connection.rows(
            #"SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, ?2)"#,
            [.text(table), .text(schema)]
        ).map {
            MergeTable.Column(
                name: $0[0].string ?? "", type: ($0[1].string ?? "").uppercased(), notNull: $0[2].integer == 1,
                defaultValue: $0[3].string.map(SQLText.normalized), keyPosition: $0[4].integer ?? 0,
                hidden: $0[5].integer ?? 0)
        }
    }

    /// The columns of each UNIQUE index that is not the primary key; none for a column that is an expression.
    private static func uniqueIndexes(
        of table: String, in schema: String, _ connection: SQLiteConnection
    ) throws(SQLiteError) -> [(columns: [String?], isPartial: Bool)] {
        let indexes = try connection.rows(
            #"""
            SELECT name, partial FROM pragma_index_list(?1, ?2) WHERE "unique" = 1 AND origin <> 'pk' ORDER BY name
            """#,
            [.text(table), .text(schema)])
        var result: [(columns: [String?], isPartial: Bool)] = []
        for index in indexes {
            let columns = try connection.rows(
                "SELECT name FROM pragma_index_info(?1, ?2) ORDER BY seqno", [index[0], .text(schema)])
            result.append((columns.map { $0[0].string }, index[1].integer == 1))
        }
        return result
    }

    /// A whole index of plain columns, the last of which is named as a running number of the others' group.
    private static func numbering(
        _ index: (columns: [String?], isPartial: Bool), _ columns: [MergeTable.Column]
    ) -> MergeTable.Numbering? {
        let names = index.columns.compactMap { $0 }
        guard !index.isPartial, names.count == index.columns.count, names.count > 1, let number = names.last,
            number == "seq" || number.hasSuffix("_seq"),
            columns.contains(where: { $0.name == number && $0.keyPosition == 0 && $0.hidden == 0 })
        else { return nil }
        return MergeTable.Numbering(group: names.dropLast(), number: number)
    }
}

extension DatabaseSchema {
    /// Whether every table of `other` has the same columns here, so that rows can be compared.
    func hasColumns(of other: DatabaseSchema) -> Bool {
        let here = Dictionary(tables.map { ($0.name, Set($0.columns)) }) { first, _ in first }
        return other.tables.allSatisfy { here[$0.name] == Set($0.columns) }
    }

    /// What differs between two schemas so that rows of one could not live in the other, in sentences for people.
    func differences(from theirs: DatabaseSchema) -> [String] {
        var result: [String] = []
        if userVersion != theirs.userVersion {
            result.append("user_version is \(userVersion) here and \(theirs.userVersion) in the store")
        }
        let ours = Dictionary(tables.map { ($0.name, $0) }) { first, _ in first }
        let stored = Dictionary(theirs.tables.map { ($0.name, $0) }) { first, _ in first }
        for name in Set(ours.keys).union(stored.keys).sorted() {
            switch (ours[name], stored[name]) {
            case (let here?, let there?):
                // The order of columns does not matter: every statement names them.
                if Set(here.columns) != Set(there.columns) || here.isAutoincrement != there.isAutoincrement {
                    result.append("the columns of the table '\(name)' differ")
                }
            case (.some, nil): result.append("the table '\(name)' exists only here")
            case (nil, _): result.append("the table '\(name)' exists only in the store")
            }
        }
        for name in Set(others.keys).union(theirs.others.keys).sorted() where others[name] != theirs.others[name] {
            result.append("the \(name) differs")
        }
        for name in Set(migrations.keys).intersection(theirs.migrations.keys).sorted() {
            let (here, there) = (migrations[name] ?? [], theirs.migrations[name] ?? [])
            let lists = [("here", here.subtracting(there)), ("in the store", there.subtracting(here))]
            for (place, only) in lists where !only.isEmpty {
                let names = only.map { $0.string ?? "\($0.integer ?? 0)" }.sorted().prefix(5)
                result.append(
                    "of the migrations in '\(name)', \(only.count) were applied only \(place): "
                        + names.joined(separator: ", "))
            }
        }
        return result
    }
}
