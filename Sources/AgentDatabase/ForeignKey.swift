/// A foreign key between two tables of one schema.
struct ForeignKey: Sendable {
    let child: MergeTable
    let from: [String]
    let parent: MergeTable
    let to: [String]
    /// Whether a parent's rows go with it.
    let cascades: Bool

    /// Keys of virtual tables, and those whose parent does not exist, bind nobody.
    /// - Throws: ``SQLiteError``.
    static func read(
        _ tables: [MergeTable], of schema: String, in connection: SQLiteConnection
    ) throws(SQLiteError) -> [ForeignKey] {
        let ordinary = tables.filter { $0.kind == .ordinary }
        let parents = Dictionary(ordinary.map { ($0.folded, $0) }) { first, _ in first }
        var result: [ForeignKey] = []
        for child in ordinary {
            let rows = try connection.rows(
                #"""
                SELECT id, "table", "from", "to", on_delete FROM pragma_foreign_key_list(?1, ?2) ORDER BY id, seq
                """#, [.text(child.name), .text(schema)])
            for id in Set(rows.compactMap { $0[0].integer }).sorted() {
                let columns = rows.filter { $0[0].integer == id }
                guard let name = columns[0][1].string, let parent = parents[SQLText.folded(name)] else { continue }
                let from = columns.compactMap { $0[2].string }
                let named = columns.compactMap { $0[3].string }
                let to = named.isEmpty ? parent.key : named
                guard from.count == to.count, !to.isEmpty else { continue }
                result.append(
                    ForeignKey(
                        child: child, from: from, parent: parent, to: to,
                        cascades: columns[0][4].string?.uppercased() == "CASCADE"))
            }
        }
        return result
    }

    /// Whether the child `c` refers to a parent that `schema` does not have.
    func isOrphan(_ c: String, in schema: String) -> String {
        "\(isSet(c)) AND NOT \(hasParent(c, in: schema))"
    }

    func isSet(_ c: String) -> String { from.map { "\(c).\(SQLText.name($0)) IS NOT NULL" }.joined(separator: " AND ") }

    func hasParent(_ c: String, in schema: String) -> String {
        """
        EXISTS (SELECT 1 FROM \(schema).\(parent.identifier) AS p WHERE \(SQLText.equal(to, of: "p", from, of: c)))
        """
    }
}
