/// A table of one image, as far as a merge depends on it.
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

    enum Kind: Sendable, Equatable {
        case ordinary
        /// A virtual table of this module.
        case virtual(module: String)
        /// A table in which a virtual table keeps its data.
        case shadow
    }

    /// A UNIQUE index beside the primary key; `nil` stands for an expression.
    struct UniqueIndex: Sendable {
        let columns: [String?]
        let isPartial: Bool
        var plainColumns: [String]? { columns.contains(nil) ? nil : columns.compactMap(\.self) }
    }

    /// Columns that number the rows of each group: `(session_id, seq)`.
    struct Numbering: Sendable {
        let group: [String]
        let number: String
        /// Whether the numbers are to have no gaps, and to follow time.
        let isLog: Bool
    }

    let name: String
    let kind: Kind
    let columns: [Column]
    let isAutoincrement: Bool
    let uniqueIndexes: [UniqueIndex]
    /// Collations of its indexes that SQLite does not have: only its agent can write it.
    let foreignCollations: [String]

    var identifier: String { SQLText.name(name) }
    var folded: String { SQLText.folded(name) }
    var writable: [Column] { columns.filter { $0.hidden == 0 } }

    /// The columns that tell rows apart; empty if there are none.
    var key: [String] {
        if case .virtual(let module) = kind {
            // The first column of an R*Tree is its number.
            if module.hasPrefix("rtree") { return Array(writable.prefix(1).map(\.name)) }
            // To write another `rowid` has no effect in the older ones.
            return module == "fts5" ? ["rowid"] : ["docid"]
        }
        return columns.filter { $0.keyPosition > 0 }.sorted { $0.keyPosition < $1.keyPosition }.map(\.name)
    }

    var values: [String] {
        let key = Set(key.map(SQLText.folded))
        return writable.map(\.name).filter { !key.contains(SQLText.folded($0)) }
    }

    func column(_ name: String) -> Column? {
        let name = SQLText.folded(name)
        return columns.first { SQLText.folded($0.name) == name }
    }

    func has(_ column: String) -> Bool { self.column(column).map { $0.hidden == 0 } ?? false }

    /// A name for the row's number that no column takes.
    var rowid: String? {
        let names = Set(columns.map { SQLText.folded($0.name) })
        return ["rowid", "_rowid_", "oid"].first { !names.contains($0) }
    }

    /// Whether the key is the row's number, which SQLite gives.
    var isNumbered: Bool {
        if case .virtual(let module) = kind { return MergeVirtual.isIndex(module) }
        let key = columns.filter { $0.keyPosition > 0 }
        return kind == .ordinary && key.count == 1 && key[0].type == "INTEGER"
    }

    /// The columns that a new row must have a value for.
    var required: [Column] {
        writable.filter { $0.notNull && $0.defaultValue == nil && !($0.keyPosition > 0 && isNumbered) }
    }

    /// Whether a row of another image's table has all that a row must have here.
    func canHold(_ other: MergeTable) -> Bool {
        kind != .ordinary || required.allSatisfy { other.has($0.name) }
    }

    /// The search for numbers that rows of one group share.
    var numbering: Numbering? {
        for (name, group, number) in Self.logs where folded == name && has(group) && has(number) {
            return Numbering(group: [group], number: number, isLog: true)
        }
        for index in uniqueIndexes where !index.isPartial {
            guard let names = index.plainColumns, names.count > 1, let number = names.last,
                number == "seq" || number.hasSuffix("_seq"), has(number), column(number)?.keyPosition == 0
            else { continue }
            return Numbering(group: names.dropLast(), number: number, isLog: false)
        }
        return nil
    }

    private static let logs = [("event", "aggregate_id", "seq"), ("session_message", "session_id", "seq")]

    /// The table that holds the last number of each group of `event`.
    var isSequence: Bool { folded == "event_sequence" && key == ["aggregate_id"] && has("seq") }
    var isEvents: Bool { folded == "event" || folded == "event_sequence" }
}
