import CSQLite

/// SQLite's look at all pages of a database, told apart from its opinion on rows.
///
/// A row that breaks a CHECK or NOT NULL constraint, and an index in an order that only the application knows, are no damage:
/// the agent lives with them. CHECK constraints are not evaluated at all, since somebody else may have written them.
enum DatabaseCheck {
    /// Lines that are read before the database counts as damaged all the same.
    private static let maxLines = 1000

    /// - Returns: what is wrong with rows.
    /// - Throws: ``DatabaseDamage``, ``SQLiteError``.
    static func run(_ database: SQLiteConnection) throws -> [String] {
        let collations = UnknownCollations()
        try collations.substitute(in: database)
        defer { collations.end(in: database) }
        try database.execute("PRAGMA ignore_check_constraints = ON")
        let lines = try database.rows("PRAGMA quick_check(\(maxLines))").compactMap(\.first?.string)
        guard let first = lines.first else { throw DatabaseDamage(reason: "no answer") }
        var remarks = first == "ok" ? [] : lines
        if let damage = remarks.first(where: { !isAboutRows($0, collations.isUsed) }) ?? overflow(remarks) {
            throw DatabaseDamage(reason: damage)
        }
        if collations.isUsed {
            remarks.append("it has a collation of the application's, whose order cannot be checked")
        }
        return remarks
    }

    private static func overflow(_ lines: [String]) -> String? { lines.count < maxLines ? nil : lines.last }

    /// The messages of sqlite3Pragma (pragma.c) that are about values, not about pages.
    private static func isAboutRows(_ line: String, _ hasUnknownCollation: Bool) -> Bool {
        if line.hasPrefix("NULL value in ") || line.hasPrefix("CHECK constraint failed in ") { return true }
        if line.hasPrefix("TEXT value in ") || line.hasPrefix("NUMERIC value in ") { return true }
        if line.hasPrefix("non-") && line.contains(" value in ") { return true }
        return hasUnknownCollation
            && (line.contains("missing from index") || line.contains("not in PRIMARY KEY order")
                || line.hasPrefix("non-unique entry in index"))
    }
}

/// Stands in for the collations that an application brings with it, so that what uses them can be read.
private final class UnknownCollations {
    private(set) var isUsed = false

    func substitute(in database: SQLiteConnection) throws {
        let context = Unmanaged.passUnretained(self).toOpaque()
        let code = sqlite3_collation_needed(database.handle, context) { context, handle, _, name in
            guard let context, let handle, let name else { return }
            Unmanaged<UnknownCollations>.fromOpaque(context).takeUnretainedValue().isUsed = true
            sqlite3_create_collation_v2(handle, name, SQLITE_UTF8, nil, compareBytes, nil)
        }
        guard code == SQLITE_OK else { throw database.error(code) }
    }

    /// The connection may outlive this object.
    func end(in database: SQLiteConnection) { sqlite3_collation_needed(database.handle, nil, nil) }
}

/// Orders two texts by their bytes.
private let compareBytes:
    @convention(c) (UnsafeMutableRawPointer?, Int32, UnsafeRawPointer?, Int32, UnsafeRawPointer?) -> Int32 = {
        _, firstLength, first, secondLength, second in
        let a = UnsafeRawBufferPointer(start: first, count: Int(firstLength))
        let b = UnsafeRawBufferPointer(start: second, count: Int(secondLength))
        if a.lexicographicallyPrecedes(b) { return -1 }
        return b.lexicographicallyPrecedes(a) ? 1 : 0
    }
