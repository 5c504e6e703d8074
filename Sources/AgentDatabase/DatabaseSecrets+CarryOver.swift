import CSQLite

extension DatabaseSecrets {
    /// What ``carryOver(from:into:)`` did.
    struct CarriedOver: Sendable, Equatable {
        /// Rows that the image now has, and secrets of shares.
        var kept = 0
        /// Rows and secrets of this machine that the image has no place for.
        var skipped = 0
        /// Tables with secrets that the image does not have. Whoever logged in has to do so again.
        var missingTables: [String] = []
    }

    /// Says which account is used. No secret, but of no use with the accounts of another machine.
    private static let accountState = "account_state"

    /// Puts this machine's own secrets into an image that is about to take the place of its database, so that a
    /// restore logs nobody out.
    ///
    /// Where the machine has rows of such a table, they replace those of the image. Secrets of shares go to the same
    /// share only. The versions may differ: columns that both have are taken.
    ///
    /// A table that the image lacks is not made. The image is then of an older version, whose next start would upgrade
    /// it, and the upgrade would fail for good on a table that is already there. Logging in again is the lesser harm.
    /// - Parameters:
    ///   - present: the machine's database; only read.
    ///   - image: a file of its own, open for writing, outside a transaction and with a journal (`MEMORY` will do). It
    ///     is left as ``SQLiteConnection/distrust()`` leaves it.
    /// - Throws: ``SQLiteError``; then the image is as it was.
    @discardableResult
    static func carryOver(from present: SQLiteConnection, into image: SQLiteConnection) throws -> CarriedOver {
        try image.distrust()
        // What the machine does not want any more should not stay in its file either.
        try image.execute("PRAGMA secure_delete = ON")
        return try present.transaction("DEFERRED") {
            try image.transaction {
                var carried = CarriedOver()
                let places = try image.tables().filter(\.isOrdinary)
                for table in try present.tables() where table.isOrdinary {
                    let name = folded(table.name)
                    let isShare = name == folded(shares)
                    guard isShare || isSecret(table: table.name) || name == folded(accountState) else { continue }
                    guard let place = places.first(where: { folded($0.name) == name }) else {
                        let count = isShare ? 0 : try rowCount(of: SQLText.name(table.name), in: present)
                        carried.skipped += count
                        if count > 0 { carried.missingTables.append(table.name) }
                        continue
                    }
                    let copy = try Copy(from: present, table.name, into: image, place.name)
                    if isShare { try copy.shares(&carried) } else { try copy.rows(&carried) }
                }
                return carried
            }
        }
    }

    /// - Parameter table: as written in SQL.
    private static func rowCount(of table: String, in connection: SQLiteConnection) throws(SQLiteError) -> Int {
        let rows = try connection.rows("SELECT count(*) FROM main.\(table)")
        return Int(rows.first?.first?.integer ?? 0)
    }

    /// One table of two databases.
    private struct Copy {
        let present: SQLiteConnection
        let image: SQLiteConnection
        /// As written in SQL.
        let source: String
        let target: String
        /// Columns that both have, as the image calls them and writes them in SQL.
        private var columns: [(name: [UInt8], sql: String)] = []
        private var key: [String] = []

        init(
            from present: SQLiteConnection, _ source: String, into image: SQLiteConnection, _ target: String
        ) throws(SQLiteError) {
            (self.present, self.image) = (present, image)
            (self.source, self.target) = (SQLText.name(source), SQLText.name(target))
            let known = try present.columns(of: source).map { folded($0.name) }
            let all = try image.columns(of: target)
            columns = all.map { (folded($0.name), SQLText.name($0.name)) }.filter { known.contains($0.name) }
            let keyColumns = all.filter { $0.keyPosition > 0 }
            if keyColumns.allSatisfy({ known.contains(folded($0.name)) }) {
                key = keyColumns.map { SQLText.name($0.name) }
            }
        }

        private func sql(of column: String) -> String? { columns.first { $0.name == folded(column) }?.sql }

        func rows(_ carried: inout CarriedOver) throws(SQLiteError) {
            let count = try rowCount(of: source, in: present)
            guard count > 0 else { return }
            guard !columns.isEmpty else { return carried.skipped += count }
            let names = columns.map(\.sql).joined(separator: ", ")
            let values = columns.map { _ in "?" }.joined(separator: ", ")
            try image.execute("SAVEPOINT copied; DELETE FROM main.\(target)")
            let insert = try image.prepare("INSERT INTO main.\(target) (\(names)) VALUES (\(values))")
            let select = try present.prepare("SELECT \(names) FROM main.\(source)")
            var kept = 0
            while try select.step() { kept += try attempt(insert, select.row) ? 1 : 0 }
            // Not even one fits: better the image's own than none.
            try image.execute(kept > 0 ? "RELEASE copied" : "ROLLBACK TO copied; RELEASE copied")
            carried.kept += kept
            carried.skipped += count - kept
        }

        func shares(_ carried: inout CarriedOver) throws(SQLiteError) {
            guard let secret = sql(of: "secret"), !key.isEmpty else { return }
            // A session that was shared anew in the meantime has another share, which this secret does not open.
            let same = key + ["id", "url"].compactMap { sql(of: $0) }.filter { !key.contains($0) }
            let matches = same.map { "\($0) IS ?" }.joined(separator: " AND ")
            let update = try image.prepare("UPDATE main.\(target) SET \(secret) = ? WHERE \(matches)")
            let wanted = ([secret] + same).joined(separator: ", ")
            let select = try present.prepare(
                "SELECT \(wanted) FROM main.\(source) WHERE CAST(\(secret) AS BLOB) <> x''")
            while try select.step() {
                let isKept = try attempt(update, select.row) && sqlite3_changes(image.handle) > 0
                if isKept { carried.kept += 1 } else { carried.skipped += 1 }
            }
        }

        /// - Returns: whether the image's rules allow it.
        private func attempt(_ statement: SQLiteStatement, _ values: [SQLiteValue]) throws(SQLiteError) -> Bool {
            do throws(SQLiteError) {
                try statement.run(values)
                return true
            } catch {
                // A mismatch: what should be an INTEGER PRIMARY KEY is no integer.
                guard [SQLITE_CONSTRAINT, SQLITE_MISMATCH].contains(error.primaryCode) else { throw error }
                return false
            }
        }
    }
}
