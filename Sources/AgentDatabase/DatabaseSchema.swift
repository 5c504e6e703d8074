/// The schema of one database of a connection, as far as a merge depends on it.
struct DatabaseSchema: Sendable {
    private(set) var tables: [MergeTable] = []
    private(set) var foreignKeys: [ForeignKey] = []
    private(set) var userVersion: Int64 = 0
    /// The migrations that were applied: by their names, and by what else may tell them apart.
    private(set) var migrations: [MigrationMark: Set<SQLiteValue>] = [:]
    /// Whether the rows of 1.x were taken over into the tables of 2.x, which happens once.
    private(set) var hasImported = false

    /// What tells migrations apart.
    enum MigrationMark: Sendable, Hashable, CaseIterable { case name, hash, version }

    func table(_ name: String) -> MergeTable? {
        let name = SQLText.folded(name)
        return tables.first { $0.folded == name }
    }

    /// An ordinary table with this column, which holds sessions.
    private func sessions(_ name: String) -> MergeTable? {
        table(name).flatMap { $0.kind == .ordinary && $0.has("id") ? $0 : nil }
    }

    /// The tables of sessions: of 1.x and of 2.x.
    var firstSessions: MergeTable? { sessions("session") }
    var secondSessions: MergeTable? { sessions("session_v2") }

    /// Tables that 2.x leaves as its import found them.
    static let firstTables: Set<String> = ["session", "message", "part", "todo", "session_share"]

    /// Tables that say which migrations were applied, and the columns that tell them apart. They are not merged.
    private static let bookkeeping: [(table: String, columns: [(String, MigrationMark)])] = [
        ("migration", [("id", .name), ("name", .name)]),
        ("__drizzle_migrations", [("name", .name), ("hash", .hash)]),
        ("_sqlx_migrations", [("version", .version)]), ("goose_db_version", [("version_id", .version)]),
        ("schema_migrations", [("version", .version)]), ("schema_version", [("version", .version)]),
    ]

    static func isBookkeeping(_ table: MergeTable) -> Bool {
        bookkeeping.contains { known in
            known.table == table.folded && known.columns.contains { table.has($0.0) }
        }
    }

    /// The row of `kv` that says that the rows of 1.x were taken over.
    static let importMark = "migration.v1-v2"

    /// - Parameter schema: `main`, or the name that the database was attached under.
    /// - Throws: ``SQLiteError``.
    static func read(_ schema: String, in connection: SQLiteConnection) throws(SQLiteError) -> DatabaseSchema {
        var result = DatabaseSchema()
        result.userVersion = try connection.rows("PRAGMA \(schema).user_version").first?.first?.integer ?? 0
        let objects = try connection.rows(
            """
            SELECT name, sql, rootpage FROM \(schema).sqlite_schema
            WHERE type = 'table' AND sql IS NOT NULL AND lower(name) NOT GLOB 'sqlite_*' ORDER BY name COLLATE BINARY
            """)
        // A virtual table and the tables it keeps its data in, whose names begin with its own.
        let virtual = objects.filter { ($0[2].integer ?? 0) == 0 }.compactMap { $0[0].string.map(SQLText.folded) }
        let counts = try !connection.rows(
            "SELECT 1 FROM \(schema).sqlite_schema WHERE name = 'sqlite_sequence' AND type = 'table'"
        ).isEmpty
        for object in objects {
            guard let name = object[0].string, let sql = object[1].string else { continue }
            let folded = SQLText.folded(name)
            var kind = MergeTable.Kind.ordinary
            if virtual.contains(folded) {
                kind = .virtual(module: SQLText.module(sql))
            } else if virtual.contains(where: { folded.hasPrefix("\($0)_") }) {
                kind = .shadow
            }
            // The columns of a module that is not known cannot be asked for.
            if case .virtual(let module) = kind, !MergeVirtual.isKnown(module) {
                result.tables.append(
                    MergeTable(
                        name: name, kind: kind, columns: [], isAutoincrement: false, uniqueIndexes: [],
                        foreignCollations: []))
                continue
            }
            let columns = try columns(of: name, in: schema, connection)
            let indexes = kind == .ordinary ? try indexes(of: name, in: schema, connection) : (unique: [], foreign: [])
            let isAutoincrement =
                counts && columns.count { $0.keyPosition > 0 } == 1 && sql.uppercased().contains("AUTOINCREMENT")
            result.tables.append(
                MergeTable(
                    name: name, kind: kind, columns: columns, isAutoincrement: isAutoincrement,
                    uniqueIndexes: indexes.unique, foreignCollations: indexes.foreign))
        }
        try result.readMigrations(schema, connection)
        result.foreignKeys = try ForeignKey.read(result.tables, of: schema, in: connection)
        return result
    }

    private mutating func readMigrations(_ schema: String, _ connection: SQLiteConnection) throws(SQLiteError) {
        for table in tables where Self.isBookkeeping(table) {
            guard let known = Self.bookkeeping.first(where: { $0.table == table.folded }) else { continue }
            for (column, mark) in known.columns where table.has(column) {
                let rows = try connection.rows(
                    """
                    SELECT \(SQLText.name(column)) FROM \(schema).\(table.identifier)
                    WHERE \(SQLText.name(column)) IS NOT NULL LIMIT 100000
                    """)
                migrations[mark, default: []].formUnion(rows.map { $0[0] })
            }
        }
        if let kv = table("kv"), kv.kind == .ordinary, kv.has("key") {
            hasImported = try !connection.rows(
                "SELECT 1 FROM \(schema).\(kv.identifier) WHERE key = ?1 LIMIT 1", [.text(Self.importMark)]
            ).isEmpty
        }
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
                defaultValue: $0[3].string, keyPosition: $0[4].integer ?? 0, hidden: $0[5].integer ?? 0)
        }
    }

    /// The UNIQUE indexes that are not the primary key, and the collations of all indexes that SQLite does not have.
    private static func indexes(
        of table: String, in schema: String, _ connection: SQLiteConnection
    ) throws(SQLiteError) -> (unique: [MergeTable.UniqueIndex], foreign: [String]) {
        let indexes = try connection.rows(
            #"SELECT name, "unique", origin, partial FROM pragma_index_list(?1, ?2) ORDER BY name"#,
            [.text(table), .text(schema)])
        var unique: [MergeTable.UniqueIndex] = []
        var foreign: Set<String> = []
        for index in indexes {
            let columns = try connection.rows(
                #"SELECT name, coll, "key" FROM pragma_index_xinfo(?1, ?2) ORDER BY seqno"#,
                [index[0], .text(schema)])
            foreign.formUnion(
                columns.compactMap { $0[1].string }.filter {
                    !["BINARY", "NOCASE", "RTRIM"].contains($0.uppercased())
                })
            guard index[1].integer == 1, index[2].string != "pk" else { continue }
            unique.append(
                MergeTable.UniqueIndex(
                    columns: columns.filter { $0[2].integer == 1 }.map { $0[0].string },
                    isPartial: index[3].integer == 1))
        }
        return (unique, foreign.sorted())
    }
}
