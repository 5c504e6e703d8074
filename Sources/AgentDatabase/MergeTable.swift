/// What a merge has to know of a table.
struct MergeTable: Sendable {
    struct Column: Sendable, Hashable {
        let name: String
        let type: String
        let notNull: Bool
        let defaultValue: String?
        /// The place in the primary key from 1, or 0.
        let keyPosition: Int64
        /// Not 0 if the column is generated or belongs to a virtual table's inner life.
        let hidden: Int64
    }

    /// A UNIQUE index that numbers the rows of each group: `(session_id, seq)`.
    struct Numbering: Sendable {
        let group: [String]
        let number: String
    }

    let name: String
    /// Its own number in this merge, for the names of temporary tables.
    let number: Int
    let columns: [Column]
    let isVirtual: Bool
    let isAutoincrement: Bool
    /// Whether it has a UNIQUE index beside its primary key.
    let hasUniqueIndex: Bool
    let numbering: Numbering?

    /// The columns that can be written.
    var written: [String] { columns.filter { $0.hidden == 0 }.map(\.name) }
    var key: [String] { columns.filter { $0.keyPosition > 0 }.sorted { $0.keyPosition < $1.keyPosition }.map(\.name) }
    var values: [String] { columns.filter { $0.hidden == 0 && $0.keyPosition == 0 }.map(\.name) }
    /// The key's columns in ``changes``.
    var keyCopies: [String] { key.indices.map { "k\($0)" } }

    /// The temporary table with the key and the decision for each row to be changed.
    var changes: String { "temp.change_\(number)" }
    /// The temporary table with the groups that were numbered anew.
    var groups: String { "temp.group_\(number)" }
    var identifier: String { SQLText.name(name) }

    func has(_ column: String) -> Bool { columns.contains { $0.name == column && $0.hidden == 0 } }

    /// A name for the row's number that no column takes.
    var rowid: String? {
        let names = Set(columns.map { $0.name.lowercased() })
        return ["rowid", "_rowid_", "oid"].first { !names.contains($0) }
    }

    /// Tables that say which migrations were applied: their sets are compared, their rows are not merged.
    var isMigrations: Bool { name == "__drizzle_migrations" || name == "migration" }
    /// The column by which migrations are told apart.
    var migrationIdentity: String? { ["hash", "name", "id"].first(where: has) }
}
