import CSQLite

/// The rows of an agent's database that are keys to something else: logins, provider keys, rights to a shared session.
///
/// They belong to the machine. A save leaves them out of the image; a restore keeps those that the machine has.
enum DatabaseSecrets {
    /// What ``remove(from:)`` did.
    struct Removal: Sendable, Equatable {
        /// Rows that were deleted or lost their secret.
        var rows = 0
        /// Views, virtual tables and what belongs to them, named like tables of secrets: they were not touched.
        var leftAlone: [String] = []
    }

    /// Whether all of a table is secret. SQLite ignores the case of ASCII letters in names, and only of those.
    static func isSecret(table name: String) -> Bool {
        let name = folded(name)
        return name == folded("account") || name == folded("control_account")
            || name.starts(with: "credential".utf8)
    }

    static let shares = "session_share"

    static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
    }

    /// Removes all secrets from an image, in one transaction. Nothing that the image itself brings along runs.
    ///
    /// Copies that an index or the statistics of a query planner hold are removed too. Bytes of rows deleted earlier
    /// are not: ``DatabasePages`` clears those.
    /// - Parameter image: a file of its own, open for writing, outside a transaction and with a journal (`MEMORY` will
    ///   do). It is left as ``SQLiteConnection/distrust()`` leaves it.
    /// - Throws: ``SQLiteError``; then the image is as it was.
    @discardableResult
    static func remove(from image: SQLiteConnection) throws -> Removal {
        try image.distrust()
        try image.execute("PRAGMA secure_delete = ON")
        // An empty secret may be against a rule of the table's; keeping the secret would be worse.
        try image.execute("PRAGMA ignore_check_constraints = ON")
        defer { try? image.execute("PRAGMA ignore_check_constraints = OFF") }
        return try image.transaction {
            var removal = Removal()
            let tables = try image.tables()
            for table in tables where isSecret(table: table.name) || folded(table.name) == folded(shares) {
                guard table.isOrdinary else {
                    removal.leftAlone.append(table.name)
                    continue
                }
                if isSecret(table: table.name) {
                    try image.execute("DELETE FROM main.\(SQLText.name(table.name))")
                } else if !(try blankShares(in: image, table.name)) {
                    continue
                }
                removal.rows += Int(sqlite3_changes(image.handle))
                // Samples of indexed values; the older name is that of older versions.
                for samples in tables where ["sqlite_stat3", "sqlite_stat4"].contains(samples.name) {
                    try image.prepare("DELETE FROM main.\(samples.name) WHERE tbl = ? COLLATE NOCASE")
                        .run([.text(table.name)])
                }
            }
            return removal
        }
    }

    /// - Returns: whether the table has secrets to blank.
    private static func blankShares(in image: SQLiteConnection, _ table: String) throws(SQLiteError) -> Bool {
        let columns = try image.columns(of: table)
        guard let secret = columns.first(where: { folded($0.name) == folded("secret") }) else { return false }
        let name = SQLText.name(secret.name)
        // As bytes: the length of a text ends at its first NUL, and a comparison may depend on who wrote the table.
        try image.execute(
            """
            UPDATE main.\(SQLText.name(table)) SET \(name) = \(secret.isRequired ? "''" : "NULL")
            WHERE CAST(\(name) AS BLOB) <> x''
            """)
        return true
    }
}
