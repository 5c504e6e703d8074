/// Writes JSON (RFC 8259) on one line.
struct JSONLine {
    private(set) var bytes: [UInt8] = []

    /// - Parameter members: with unique names.
    mutating func write(object members: some Sequence<(name: String, value: LogValue)>) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in members {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            write(text: name)
            bytes.append(UInt8(ascii: ":"))
            write(value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write(_ value: LogValue) {
        switch value {
        case .text(let text): write(text: text)
        case .literal(let literal): bytes += literal.utf8
        case .object(let members): write(object: uniquelyNamed(members))
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                write(value)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    private mutating func write(text: String) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": bytes += "\\\"".utf8
            case "\\": bytes += "\\\\".utf8
            case "\n": bytes += "\\n".utf8
            case "\r": bytes += "\\r".utf8
            case "\t": bytes += "\\t".utf8
            // Characters that a terminal obeys or a line reader takes for a line break; JSON itself asks only for those
            // below U+0020.
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                let digits = String(scalar.value, radix: 16)
                bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Gives members that would have the name of another a prefix: a reader keeps only one of two equal names.
/// - Parameter taken: names that are used otherwise.
func uniquelyNamed(
    _ members: [(name: String, value: LogValue)], except taken: Set<String> = []
) -> [(name: String, value: LogValue)] {
    var used = Set(taken.map { Array($0.utf8) })
    return members.map { name, value in
        var unique = name
        while !used.insert(Array(unique.utf8)).inserted { unique = "context." + unique }
        return (unique, value)
    }
}
