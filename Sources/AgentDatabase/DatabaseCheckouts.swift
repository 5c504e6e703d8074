extension DatabaseRebase {
    /// The directories that the database's sessions and projects are in, the most used first.
    /// - Throws: ``SQLiteError``.
    static func checkouts(in image: SQLiteConnection) throws -> [String] {
        // By bytes: two spellings of one text are two directories.
        var uses: [[UInt8]: Int64] = [:]
        for (table, column) in columns where try has(table, column, in: image) {
            let isSession = column == "directory" && (table == "session" || table == "session_v2")
            guard isSession || column == "worktree" else { continue }
            let place = SQLText.name(column)
            let rows = try image.rows(
                """
                SELECT \(place) COLLATE BINARY, count(*) FROM main.\(SQLText.name(table))
                WHERE typeof(\(place)) = 'text' GROUP BY 1
                """)
            for row in rows {
                guard case .text(let path) = row[0], let count = row[1].integer else { continue }
                // Outside a repository the worktree is "/", which is no checkout.
                let trimmed = PathMap.trimmed(String(decoding: path, as: UTF8.self))
                guard !trimmed.isEmpty else { continue }
                uses[trimmed, default: 0] += isSession ? count : 0
            }
        }
        let sorted = uses.sorted {
            $0.value == $1.value ? $0.key.lexicographicallyPrecedes($1.key) : $0.value > $1.value
        }
        return sorted.map { String(decoding: $0.key, as: UTF8.self) }
    }

    /// The move that a database needs here, if there is no doubt about it.
    ///
    /// A checkout root is a directory of ``checkouts(in:)`` that lies beneath no other; the agent's own worktrees, in
    /// its data directory, do not count. The move is from the one root that does not exist on this machine to the
    /// current checkout. If there are several of them, or none, nobody can say which became the current one. If the
    /// database knows the current checkout already, the missing root may be another project's: then its last component
    /// must be the same.
    /// - Parameters:
    ///   - checkouts: the directories of the database.
    ///   - current: the absolute path of the checkout here.
    ///   - exists: whether a path exists on this machine.
    static func automaticRebase(
        checkouts: [String], current: String, exists: (String) -> Bool
    ) -> (old: String, new: String)? {
        let here = PathMap.trimmed(current)
        guard here.first == UInt8(ascii: "/") else { return nil }
        let paths = checkouts.map(PathMap.trimmed).filter {
            !$0.isEmpty && !String(decoding: $0, as: UTF8.self).contains("/opencode/worktree/")
        }
        let all = Set(paths)
        let roots = all.filter { path in
            !path.indices.dropFirst().contains { path[$0] == 0x2F && all.contains(Array(path[..<$0])) }
        }
        let missing = roots.filter {
            !contains(here, $0) && !contains($0, here) && !exists(String(decoding: $0, as: UTF8.self))
        }
        guard missing.count == 1, let old = missing.first else { return nil }
        let isKnown = paths.contains { contains(here, $0) }
        guard !isKnown || lastComponent(old) == lastComponent(here) else { return nil }
        return (String(decoding: old, as: UTF8.self), String(decoding: here, as: UTF8.self))
    }

    /// Whether a path is a directory or beneath it.
    private static func contains(_ directory: [UInt8], _ path: [UInt8]) -> Bool {
        path == directory || path.starts(with: directory + [0x2F])
    }

    private static func lastComponent(_ path: [UInt8]) -> ArraySlice<UInt8>? {
        path.split(separator: 0x2F).last
    }
}
