/// A table that both sides have, as a merge sees it: the target's form of it, and what of its columns the others have.
struct MergedTable: Sendable {
    let table: MergeTable
    let other: MergeTable
    /// Its own number in this merge, for the names of temporary tables.
    let number: Int
    /// Whether the base has the table, with its key.
    let hasBase: Bool
    /// The columns beside the key that both sides have.
    let common: [String]
    /// Those by which rows are compared with the base: it has them, too.
    let compared: [String]
    /// Those that the base lacks: of them it is unknown who changed them.
    let unknown: [String]
    /// Columns that only the target has; an existing row keeps what it has there.
    let own: [String]

    var key: [String] { table.key }
    var identifier: String { table.identifier }
    /// The columns of a row that is brought from the other side.
    var written: [String] { key + common }
    /// The columns that are written where the row is there already.
    var replaced: [String] { table.isSequence ? common.filter { SQLText.folded($0) != "seq" } : common }
    /// The key's columns in ``changes``.
    var keyCopies: [String] { key.indices.map { "k\($0)" } }
    /// The temporary table with the key and the decision for each row to be changed.
    var changes: String { "temp.change_\(number)" }
    /// The temporary table with rows that are not in the merged table, as far as others refer to them.
    var dropped: String { "temp.dropped_\(number)" }

    func has(_ column: String) -> Bool {
        common.contains { SQLText.folded($0) == SQLText.folded(column) }
            || key.contains { SQLText.folded($0) == SQLText.folded(column) }
    }

    /// - Returns: `nil` if rows of the two cannot be told to be the same ones.
    init?(_ table: MergeTable, _ other: MergeTable, _ base: MergeTable?, number: Int) {
        guard table.kind == other.kind, !table.key.isEmpty else { return nil }
        if table.kind == .ordinary {
            guard table.key.allSatisfy(other.has) else { return nil }
        } else if case .virtual(let module) = table.kind {
            guard MergeVirtual.keepsRows(module), table.key == other.key else { return nil }
        } else {
            return nil
        }
        (self.table, self.other, self.number) = (table, other, number)
        let base = base.flatMap { base in
            base.kind == table.kind && (table.kind != .ordinary || table.key.allSatisfy(base.has)) ? base : nil
        }
        hasBase = base != nil
        common = table.values.filter(other.has)
        own = table.values.filter { !other.has($0) }
        compared = common.filter { base?.has($0) ?? true }
        unknown = common.filter { !(base?.has($0) ?? true) }
    }
}
