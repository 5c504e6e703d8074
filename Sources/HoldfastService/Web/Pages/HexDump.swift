import NIOCore

/// Bytes as people read them: offset, sixteen bytes, and those of them that are printable ASCII.
enum HexDump {
    static func lines(_ content: ByteBuffer, limit: Int) -> [String] {
        let bytes = Array(content.readableBytesView.prefix(limit))
        return stride(from: 0, to: bytes.count, by: 16).map { start in
            let row = bytes[start..<min(start + 16, bytes.count)]
            let shown = row.map { digits(Int($0), 2) }.joined(separator: " ")
            let padding = String(repeating: " ", count: 48 - shown.utf8.count)
            let text = String(decoding: row.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
            return "\(digits(start, 8))  \(shown)\(padding) \(text)"
        }
    }

    private static func digits(_ value: Int, _ width: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
