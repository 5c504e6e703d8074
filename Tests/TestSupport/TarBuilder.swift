/// Writes tars, also such as no honest program would write.
public struct TarBuilder {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    /// Adds a header and content.
    /// - Parameters:
    ///   - size: what the header says, if not the length of the content.
    ///   - magic: `ustar\0` and its version.
    public mutating func add(
        _ name: String, type: Character = "0", link: String = "", content: [UInt8] = [], size: Int? = nil,
        mode: Int = 0o644, magic: String = "ustar\u{0}00", checksumOffset: Int = 0
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Collection<UInt8>, at offset: Int, limit: Int) {
            for (index, byte) in text.prefix(limit).enumerated() { block[offset + index] = byte }
        }
        put(Array(name.utf8), at: 0, limit: 100)
        put(octal(mode, 7), at: 100, limit: 7)
        put(octal(0, 7), at: 108, limit: 7)
        put(octal(0, 7), at: 116, limit: 7)
        put(octal(size ?? content.count, 11), at: 124, limit: 11)
        put(octal(1_700_000_000, 11), at: 136, limit: 11)
        put(Array(String(type).utf8), at: 156, limit: 1)
        put(Array(link.utf8), at: 157, limit: 100)
        put(Array(magic.utf8), at: 257, limit: 8)
        put(Array("        ".utf8), at: 148, limit: 8)
        put(octal(block.reduce(0) { $0 + Int($1) } + checksumOffset, 6) + [0], at: 148, limit: 7)
        bytes += block + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// Adds an extended header.
    public mutating func addPax(_ records: [(String, String)], type: Character = "x") {
        let text = records.map { key, value in
            let rest = " \(key)=\(value)\n"
            var length = rest.utf8.count
            while String(length).utf8.count + rest.utf8.count != length {
                length = String(length).utf8.count + rest.utf8.count
            }
            return "\(length)\(rest)"
        }.joined()
        add("PaxHeaders/x", type: type, content: Array(text.utf8))
    }

    public mutating func addRaw(_ more: [UInt8]) { bytes += more }

    /// The archive with its end.
    public var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    private func octal(_ value: Int, _ digits: Int) -> [UInt8] {
        let text = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
    }
}
