/// The records of an extended header: `LENGTH KEY=VALUE` and a line feed each.
struct PaxRecords: Equatable {
    var path: [UInt8]?
    var linkPath: [UInt8]?
    var size: Int64?
    /// Nanoseconds since 1970.
    var modified: Int64?
    /// Names a sparse file, whose content is not what the archive holds.
    var isSparse = false

    init() {}

    /// - Throws: ``ArchiveProblem``.
    init(_ bytes: [UInt8]) throws(ArchiveProblem) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: " ") }
            guard digits.count < 10, let length = Self.decimal(digits), length > digits.count + 1, length <= rest.count
            else { throw Self.damaged }
            let record = rest.prefix(Int(length)).dropFirst(digits.count + 1)
            rest = rest.dropFirst(Int(length))
            guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw Self.damaged
            }
            let value = Array(record[(equals + 1)...].dropLast())
            try take(String(decoding: record[..<equals], as: UTF8.self), value)
        }
    }

    private mutating func take(_ key: String, _ value: [UInt8]) throws(ArchiveProblem) {
        switch key {
        case "path": path = value.isEmpty ? nil : value
        case "linkpath": linkPath = value.isEmpty ? nil : value
        case "size":
            guard let number = Self.decimal(value[...]) else { throw Self.damaged }
            size = number
        case "mtime":
            guard let time = Self.nanoseconds(value) else { throw Self.damaged }
            modified = time
        default: if key.hasPrefix("GNU.sparse.") { isSparse = true }
        }
    }

    private static var damaged: ArchiveProblem {
        ArchiveProblem("it is damaged: an extended header is of the wrong form")
    }

    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// As `1700000000.123456789`, also negative. More digits than nine are cut off.
    private static func nanoseconds(_ value: [UInt8]) -> Int64? {
        let isNegative = value.first == UInt8(ascii: "-")
        let parts = value.dropFirst(isNegative ? 1 : 0).split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let seconds = decimal(parts[0]), seconds < 9_000_000_000 else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2, !parts[1].isEmpty {
            let digits = parts[1].prefix(9)
            guard decimal(parts[1]) != nil || parts[1].count > 18, let number = decimal(digits) else { return nil }
            fraction = number
            for _ in digits.count..<9 { fraction *= 10 }
        }
        let total = seconds * 1_000_000_000 + fraction
        return isNegative ? -total : total
    }
}
