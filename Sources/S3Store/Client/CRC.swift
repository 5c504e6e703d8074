/// A cyclic redundancy check with reflected bits, all bits set at the start and inverted at the end: CRC-32 (ISO 3309),
/// CRC-32C (RFC 3720 §12.1) and CRC-64/NVME (NVM Express, NVM Command Set Specification, "64b CRC"), as S3 keeps them.
struct CRC<Word: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
    private let table: [Word]
    private var state = Word.max

    /// - Parameter table: ``CRCTable``, made once for each polynomial.
    init(table: [Word]) { self.table = table }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            state = table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ (state >> 8)
        }
    }

    /// Most significant byte first, as S3 sends it.
    var bytes: [UInt8] { withUnsafeBytes(of: (~state).bigEndian) { Array($0) } }
}

/// Effect of each byte value on a check, for the three polynomials in reflected form.
enum CRCTable {
    static let crc32: [UInt32] = of(0xEDB8_8320)
    static let crc32c: [UInt32] = of(0x82F6_3B78)
    static let crc64nvme: [UInt64] = of(0x9A6C_9329_AC4B_C9B5)

    private static func of<Word: FixedWidthInteger & UnsignedInteger>(_ polynomial: Word) -> [Word] {
        (0..<256).map { index in
            (0..<8).reduce(Word(index)) { value, _ in value & 1 == 1 ? polynomial ^ (value >> 1) : value >> 1 }
        }
    }
}
