/// Parts of statements over tables whose names are not known beforehand.
package enum SQLText {
    /// A name as an identifier, whatever it holds.
    package static func name(_ name: String) -> String {
        var quoted = "\""
        for scalar in name.unicodeScalars {
            quoted.unicodeScalars.append(scalar)
            if scalar == "\"" { quoted.unicodeScalars.append(scalar) }
        }
        return quoted + "\""
    }

    /// Text as a literal.
    static func literal(_ text: String) -> String {
        "CAST(x'" + text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "' AS TEXT)"
    }

    /// Names with commas between them, each as a column of `alias` if there is one.
    static func list(_ names: [String], of alias: String? = nil) -> String {
        names.map { (alias.map { "\($0)." } ?? "") + name($0) }.joined(separator: ", ")
    }

    /// Whether columns of one alias equal those of another. The left ones decide the collation.
    static func equal(_ left: [String], of leftAlias: String, _ right: [String], of rightAlias: String) -> String {
        zip(left, right).map { "\(leftAlias).\(name($0)) = \(rightAlias).\(name($1))" }.joined(separator: " AND ")
    }

    /// Whether columns equal the parameters `?1`, `?2`….
    static func equalParameters(_ names: [String], of alias: String? = nil) -> String {
        names.enumerated().map { (alias.map { "\($0)." } ?? "") + "\(name($1)) = ?\($0 + 1)" }
            .joined(separator: " AND ")
    }

    /// Whether two rows differ, byte by byte: a column's own collation could call two texts equal.
    static func differ(_ names: [String], _ left: String, _ right: String) -> String {
        guard !names.isEmpty else { return "0" }
        let columns = names.map { "\(left).\(name($0)) IS NOT \(right).\(name($0)) COLLATE BINARY" }
        return "(" + columns.joined(separator: " OR ") + ")"
    }

    /// A name as SQLite compares names: without regard to the case of ASCII letters.
    static func folded(_ name: String) -> String {
        String(decoding: name.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }

    /// Whether the left one of two rows that differ has the larger content, column by column in the order of their
    /// names. The answer is the same from whichever side the two are looked at.
    static func isLarger(_ names: [String], _ left: String, _ right: String) -> String {
        let columns = names.map { (folded($0), name($0)) }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
        guard !columns.isEmpty else { return "0" }
        let cases = columns.map { _, column in
            """
            WHEN \(left).\(column) IS NOT \(right).\(column) COLLATE BINARY
            THEN \(right).\(column) IS NULL OR \(left).\(column) > \(right).\(column) COLLATE BINARY
            """
        }
        return "ifnull(CASE \(cases.joined(separator: "\n")) ELSE 0 END, 0)"
    }

    /// The module of a `CREATE VIRTUAL TABLE … USING module(…)`, in lower case.
    static func module(_ sql: String) -> String {
        let lower = folded(sql)
        guard let using = lower.firstRange(of: "using") else { return "" }
        let rest = lower[using.upperBound...].drop { $0.isWhitespace }
        return String(rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }
}
