/// Which of two schemas can hold what the other holds.
enum SchemaOrder: Sendable, Equatable {
    case same
    /// The first is the later one.
    case first
    case second
    /// Neither; why, in sentences.
    case none([String])

    /// Compares two schemas: by the migrations that were applied, by `user_version`, by tables and columns.
    ///
    /// The names of indexes, the order of columns, triggers, views, and the form of the tables that list migrations mean
    /// nothing.
    init(_ first: DatabaseSchema, _ second: DatabaseSchema, names: (first: String, second: String)) {
        for mark in DatabaseSchema.MigrationMark.allCases {
            guard let one = first.migrations[mark], let other = second.migrations[mark] else { continue }
            let (onlyFirst, onlySecond) = (one.subtracting(other), other.subtracting(one))
            if onlyFirst.isEmpty, onlySecond.isEmpty { break }
            if onlySecond.isEmpty {
                self = .first
            } else if onlyFirst.isEmpty {
                self = .second
            } else {
                self = .none([
                    "each side has migrations that the other lacks: \(Self.list(onlyFirst)) \(names.first), "
                        + "\(Self.list(onlySecond)) \(names.second)"
                ])
            }
            return
        }
        if first.userVersion != second.userVersion {
            self = first.userVersion > second.userVersion ? .first : .second
            return
        }
        let (lacking, lackedBySecond) = (first.missing(from: second), second.missing(from: first))
        switch (lacking.isEmpty, lackedBySecond.isEmpty) {
        case (true, true): self = .same
        case (false, true): self = .first
        case (true, false): self = .second
        case (false, false):
            self = .none([
                "each side has tables or columns that the other lacks: \(Self.list(lacking)) \(names.first), "
                    + "\(Self.list(lackedBySecond)) \(names.second)"
            ])
        }
    }

    private static func list(_ migrations: Set<SQLiteValue>) -> String {
        list(migrations.map { $0.string ?? $0.integer.map(String.init) ?? "?" }.sorted())
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}

extension DatabaseSchema {
    /// The tables and columns that another schema lacks.
    func missing(from other: DatabaseSchema) -> [String] {
        var missing: [String] = []
        for table in tables where table.kind != .shadow && !Self.isBookkeeping(table) {
            guard let there = other.table(table.name) else {
                missing.append("the table '\(table.name)'")
                continue
            }
            for column in table.writable where !there.has(column.name) {
                missing.append("the column '\(column.name)' of '\(table.name)'")
            }
        }
        return missing
    }

    /// Whether this schema is the other one with more tables, and more columns that may be empty or have a default: then
    /// the agent of the other one goes on with it.
    func onlyAdds(to other: DatabaseSchema) -> Bool {
        guard other.missing(from: self).isEmpty else { return false }
        // What the other's agent wrote into the tables of 1.x would never be taken over.
        if hasImported, !other.hasImported, other.firstSessions != nil { return false }
        return other.tables.filter { $0.kind == .ordinary && !Self.isBookkeeping($0) }.allSatisfy { table in
            guard let here = self.table(table.name) else { return false }
            return here.kind == .ordinary && here.canHold(table)
                && here.key.map(SQLText.folded) == table.key.map(SQLText.folded)
        }
    }

    /// Whether rows that one has and the other lacks were deleted, and not left behind by a migration.
    func isSame(as other: DatabaseSchema) -> Bool {
        SchemaOrder(self, other, names: ("", "")) == .same && hasImported == other.hasImported
    }
}
