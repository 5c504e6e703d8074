/// Moves the paths of a database from one checkout to another.
enum DatabaseRebase {
    /// Rows of a rebase.
    struct Changes: Sendable, Equatable {
        var changed = 0
        /// Rows left as they are, since a row with the new path is there already.
        var skipped = 0
    }

    /// The columns with a path. Paths within messages are history and stay.
    static let columns = [
        ("session", "directory"), ("session_v2", "directory"), ("project", "worktree"),
        ("project_directory", "directory"), ("worktree", "directory"), ("workspace", "directory"),
    ]

    /// Maps `old`, and every path beneath it, to `new`, in one transaction.
    ///
    /// Paths are compared as bytes. The image's triggers do not run, on this connection also afterwards.
    /// - Returns: how many rows changed.
    /// - Throws: ``SQLiteError``.
    static func rebase(_ image: SQLiteConnection, from old: String, to new: String) throws -> Int {
        try apply(image, from: old, to: new).changed
    }

    /// As ``rebase(_:from:to:)``, with the rows that could not follow.
    /// - Throws: ``SQLiteError``.
    static func apply(_ image: SQLiteConnection, from old: String, to new: String) throws -> Changes {
        guard let map = PathMap(from: old, to: new) else { return Changes() }
        try image.distrust()
        return try image.transaction {
            var changes = Changes()
            for (table, column) in columns where try has(table, column, in: image) {
                try rewrite(table, column, in: image, map, &changes) { map($0) }
            }
            if try has("project", "sandboxes", in: image) {
                try rewrite("project", "sandboxes", in: image, map, &changes) { try sandboxes($0, map, image) }
            }
            return changes
        }
    }

    static func has(_ table: String, _ column: String, in image: SQLiteConnection) throws(SQLiteError) -> Bool {
        // A view of that name, or a virtual table, is nobody's list of sessions.
        let rows = try image.rows(
            """
            SELECT 1 FROM main.sqlite_schema AS s, pragma_table_xinfo(?1, 'main') AS c
            WHERE s.type = 'table' AND s.name = ?1 AND s.rootpage > 0 AND c.name = ?2 AND c.hidden = 0
            """, [.text(table), .text(column)])
        return !rows.isEmpty
    }

    /// Writes the rows whose text `map` gives another for.
    private static func rewrite(
        _ table: String, _ column: String, in image: SQLiteConnection, _ order: PathMap, _ changes: inout Changes,
        _ map: ([UInt8]) throws -> [UInt8]?
    ) throws {
        let (name, place) = (SQLText.name(table), SQLText.name(column))
        // What is written must not be mapped again where one of the two paths lies in the other: the longest first if
        // texts grow, so that those that a longer one could be mistaken for are done.
        let texts = try image.rows(
            """
            SELECT \(place) COLLATE BINARY, count(*) FROM main.\(name) WHERE typeof(\(place)) = 'text'
            GROUP BY 1 ORDER BY length(CAST(\(place) AS BLOB)) \(order.grows ? "DESC" : "ASC")
            """)
        let update = try image.prepare(
            "UPDATE OR IGNORE main.\(name) SET \(place) = ?2 WHERE \(place) = ?1 COLLATE BINARY")
        for row in texts {
            guard case .text(let text) = row[0], let mapped = try map(text), mapped != text else { continue }
            try update.run([.text(text), .text(mapped)])
            let changed = image.changes
            changes.changed += changed
            changes.skipped += Int(row[1].integer ?? 0) - changed
        }
    }

    /// Maps the elements of a JSON array that are paths, and leaves all else as it is written there.
    private static func sandboxes(_ text: [UInt8], _ map: PathMap, _ image: SQLiteConnection) throws -> [UInt8]? {
        let elements = try image.rows(
            """
            SELECT j.fullkey, j.value FROM (SELECT CASE WHEN json_valid(?1) THEN ?1 ELSE '[]' END AS list) AS l,
              json_each(l.list) AS j
            WHERE j.type = 'text' AND json_type(l.list) = 'array' LIMIT 10000
            """, [.text(text)])
        let mapped = elements.compactMap { element -> [SQLiteValue]? in
            guard case .text(let path) = element[1], let new = map(path) else { return nil }
            return [element[0], .text(new)]
        }
        guard !mapped.isEmpty else { return nil }
        // A function of SQLite takes no more than 127 arguments.
        return try stride(from: 0, to: mapped.count, by: 60).reduce(text) { text, start in
            let arguments = mapped[start..<min(start + 60, mapped.count)].flatMap { $0 }
            let places = arguments.indices.map { "?\($0 + 2)" }.joined(separator: ", ")
            let rows = try image.rows("SELECT json_replace(?1, \(places))", [.text(text)] + arguments)
            guard case .text(let replaced) = rows.first?.first else { return text }
            return replaced
        }
    }
}

/// Maps a path, and those beneath it, to another.
struct PathMap: Sendable {
    private let old: [UInt8]
    private let new: [UInt8]

    /// Whether mapped paths are longer.
    var grows: Bool { new.count > old.count }

    /// - Returns: `nil` if there is nothing to map: a path is empty, or both are the same.
    init?(from old: String, to new: String) {
        guard !old.isEmpty, !new.isEmpty else { return nil }
        // What is left of "/" is "", beneath which every path lies.
        (self.old, self.new) = (Self.trimmed(old), Self.trimmed(new))
        if self.old == self.new { return nil }
    }

    /// - Returns: `nil` if the path is not `old` or beneath it.
    func callAsFunction(_ path: [UInt8]) -> [UInt8]? {
        guard path.starts(with: old) else { return nil }
        let rest = path.dropFirst(old.count)
        guard rest.first == UInt8(ascii: "/") || (rest.isEmpty && !old.isEmpty) else { return nil }
        let isRoot = rest.allSatisfy { $0 == UInt8(ascii: "/") }
        let mapped = isRoot ? new : new + rest
        return mapped.isEmpty ? [UInt8(ascii: "/")] : mapped
    }

    static func trimmed(_ path: String) -> [UInt8] {
        var bytes = Array(path.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return bytes
    }
}
