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

    /// SQL without the white space that means nothing, so that two ways to write one statement are equal.
    static func normalized(_ sql: String) -> String {
        var result: [UInt8] = []
        var closing: UInt8?
        var spaced = false
        let punctuation = Set("(),=".utf8)
        for byte in sql.utf8 {
            if let end = closing {
                result.append(byte)
                if byte == end { closing = nil }
                continue
            }
            if [0x20, 0x09, 0x0A, 0x0D, 0x0C].contains(byte) {
                spaced = true
                continue
            }
            if spaced, let last = result.last, !punctuation.contains(last), !punctuation.contains(byte) {
                result.append(0x20)
            }
            spaced = false
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"): closing = byte
            case UInt8(ascii: "["): closing = UInt8(ascii: "]")
            default: break
            }
            result.append(byte)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
