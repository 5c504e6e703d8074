import Basics

/// The canonical request of Signature Version 4 (AWS "Create a signed AWS API request", step 1).
struct CanonicalRequest: Sendable {
    /// The text that is hashed.
    let bytes: [UInt8]
    /// The signed header names, `;` between them.
    let signedHeaders: String

    /// Headers that a proxy or the HTTP library may add, drop or change on the way.
    private static let unsigned: Set<String> = [
        "authorization", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
        "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
    ]

    /// - Parameter payload: the value of `x-amz-content-sha256`.
    init(
        method: String,
        path: RequestPath,
        query: [(name: String, value: String?)],
        headers: [(name: String, value: String)],
        payload: String
    ) {
        let lines = Self.sorted(headers)
        let names = Self.joinedNames(lines)
        var output: [UInt8] = []
        output.reserveCapacity(1024)
        output += method.uppercased().utf8
        output.append(newline)
        output += path.text.isEmpty ? "/".utf8 : path.text.utf8
        output.append(newline)
        Self.append(query, to: &output)
        output.append(newline)
        Self.append(lines, to: &output)
        output.append(newline)
        output += names
        output.append(newline)
        output += payload.utf8
        bytes = output
        signedHeaders = String(decoding: names, as: UTF8.self)
    }

    private typealias Line = (name: String, order: Int, value: String)

    /// Lower-cased, sorted by name; values of one name stay in the given order.
    private static func sorted(_ headers: [(name: String, value: String)]) -> [Line] {
        var lines: [Line] = []
        lines.reserveCapacity(headers.count)
        for (index, header) in headers.enumerated() {
            let name = header.name.lowercased()
            if !unsigned.contains(name) { lines.append((name, index, header.value)) }
        }
        lines.sort { $0.name == $1.name ? $0.order < $1.order : $0.name < $1.name }
        return lines
    }

    private static func joinedNames(_ lines: [Line]) -> [UInt8] {
        var names: [UInt8] = []
        names.reserveCapacity(128)
        for (index, line) in lines.enumerated() where index == 0 || line.name != lines[index - 1].name {
            if index > 0 { names.append(UInt8(ascii: ";")) }
            names += line.name.utf8
        }
        return names
    }

    /// One line for each name; the values of a repeated header are joined with `,`.
    private static func append(_ lines: [Line], to output: inout [UInt8]) {
        for (index, line) in lines.enumerated() {
            if index > 0, line.name == lines[index - 1].name {
                output.append(UInt8(ascii: ","))
            } else {
                if index > 0 { output.append(newline) }
                output += line.name.utf8
                output.append(UInt8(ascii: ":"))
            }
            appendCollapsed(line.value.utf8, to: &output)
        }
        if !lines.isEmpty { output.append(newline) }
    }

    /// Trims white space and makes one space of every inner run, inside of quotes too.
    private static func appendCollapsed(_ value: String.UTF8View, to output: inout [UInt8]) {
        guard value.contains(where: isWhite) else {  // nearly all values, some of them long tokens
            output += value
            return
        }
        var isFirst = true
        var pending = false
        for byte in value {
            if isWhite(byte) {
                pending = !isFirst
            } else {
                if pending { output.append(UInt8(ascii: " ")) }
                output.append(byte)
                isFirst = false
                pending = false
            }
        }
    }

    /// Encoded, sorted by encoded name and then by encoded value, always with `=`.
    private static func append(_ query: [(name: String, value: String?)], to output: inout [UInt8]) {
        var items: [(name: [UInt8], value: [UInt8])] = []
        items.reserveCapacity(query.count)
        for item in query {
            var name: [UInt8] = []
            var value: [UInt8] = []
            PercentEncoding.append(item.name.utf8, to: &name)
            PercentEncoding.append((item.value ?? "").utf8, to: &value)
            items.append((name, value))
        }
        items.sort {
            $0.name == $1.name
                ? $0.value.lexicographicallyPrecedes($1.value) : $0.name.lexicographicallyPrecedes($1.name)
        }
        for (index, item) in items.enumerated() {
            if index > 0 { output.append(UInt8(ascii: "&")) }
            output += item.name
            output.append(UInt8(ascii: "="))
            output += item.value
        }
    }
}

private func isWhite(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte) }

private let newline = UInt8(ascii: "\n")
