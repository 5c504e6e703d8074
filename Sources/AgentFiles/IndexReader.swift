import FileIO

/// Reads the parts of an index file. Nothing it says of itself is believed: a length counts only as far as bytes follow.
struct IndexReader {
    private let raw: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameter raw: must outlive the reader.
    init(_ raw: UnsafeRawBufferPointer) { self.raw = raw }

    var isAtEnd: Bool { position == raw.count }
    private var left: Int { raw.count - position }

    /// A number of variable length.
    mutating func variable() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard position < raw.count else { return nil }
            let byte = raw[position]
            position += 1
            // The tenth byte has room for one bit only.
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    /// A signed number.
    mutating func folded() -> Int64? {
        variable().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
    }

    /// A length up to a limit.
    mutating func length(upTo limit: Int) -> Int? {
        guard let value = variable(), value <= UInt64(limit) else { return nil }
        return Int(value)
    }

    /// How many things follow of which each takes at least `size` bytes.
    mutating func length(of size: Int) -> Int? {
        // Read first: what is left is what follows the number.
        guard let value = variable(), value <= UInt64(left / size) else { return nil }
        return Int(value)
    }

    /// A length and as many bytes.
    mutating func bytes(upTo limit: Int) -> UnsafeRawBufferPointer.SubSequence? {
        guard let count = length(upTo: limit), count <= left else { return nil }
        defer { position += count }
        return raw[position..<(position + count)]
    }

    /// A length and as many bytes.
    mutating func counted() -> [UInt8]? { bytes(upTo: raw.count).map { Array($0) } }

    mutating func hash() -> Digest? {
        guard left >= Digest.byteCount else { return nil }
        defer { position += Digest.byteCount }
        return Digest(bytes: UnsafeRawBufferPointer(rebasing: raw[position..<(position + Digest.byteCount)]))
    }
}
