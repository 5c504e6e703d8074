import FileIO
import NIOCore

/// Reads the fields of a binary document one after the other and believes none of them: no length reaches past the end,
/// no number is written in two ways, and nothing is allocated because a field says so.
struct FieldReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    /// - Parameter bytes: must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func byte() throws(FormatError) -> UInt8 {
        guard position < bytes.count else { throw FormatError("it ends in the middle of a field") }
        defer { position += 1 }
        return bytes[position]
    }

    /// An unsigned LEB128 number: seven bits in each byte, the lowest first; the shortest form only.
    mutating func number() throws(FormatError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            let part = UInt64(next & 0x7F)
            guard shift < 63 || part <= 1 else { throw FormatError("a number does not fit into 64 bits") }
            value |= part << shift
            if next & 0x80 == 0 {
                guard next != 0 || shift == 0 else { throw FormatError("a number has needless zero bits") }
                return value
            }
            shift += 7
            guard shift < 70 else { throw FormatError("a number does not fit into 64 bits") }
        }
    }

    /// A number that is a length, an offset or an index.
    /// - Parameter limit: the largest allowed value.
    mutating func number(upTo limit: Int) throws(FormatError) -> Int {
        let value = try number()
        guard value <= UInt64(max(0, limit)) else { throw FormatError("a number is \(value), more than \(limit)") }
        return Int(value)
    }

    /// How many items follow, each of which takes at least so many bytes.
    mutating func count(ofAtLeast size: Int) throws(FormatError) -> Int { try number(upTo: remaining / size) }

    /// A signed number in zigzag form: 0, -1, 1, -2, …
    mutating func signed() throws(FormatError) -> Int64 {
        let value = try number()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func bytes(_ count: Int) throws(FormatError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw FormatError("it ends in the middle of a field") }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }

    mutating func digest() throws(FormatError) -> Digest {
        guard let digest = Digest(bytes: try bytes(Digest.byteCount)) else { throw FormatError("a digest is cut") }
        return digest
    }

    /// The four letters that say what a document is, then its version.
    /// - Parameter known: the versions that can be read.
    @discardableResult
    mutating func header(_ name: StaticString, known: ClosedRange<UInt8>) throws(FormatError) -> UInt8 {
        let letters = try bytes(4)
        let expected = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        guard letters.elementsEqual(expected) else { throw FormatError("it does not start with '\(name)'") }
        let version = try byte()
        guard known.contains(version) else {
            throw FormatError(
                "its '\(name)' has version \(version), known is \(known.upperBound)",
                isTooNew: version > known.upperBound)
        }
        return version
    }

    func end() throws(FormatError) {
        guard remaining == 0 else { throw FormatError("\(remaining) bytes follow its end") }
    }
}

/// The version of each kind of document, as it is written. A change that old readers must not misread raises it.
enum DocumentVersion {
    static let pack: UInt8 = 1
    static let page: UInt8 = 1
    static let chunkList: UInt8 = 1
    static let packList: UInt8 = 2
    static let root: UInt8 = 2
    /// The copy of a manifest on this machine.
    static let keptManifest: UInt8 = 1
}

/// Writes what ``FieldReader`` reads.
struct FieldWriter {
    private(set) var buffer = ByteBuffer()

    mutating func byte(_ value: UInt8) { buffer.writeInteger(value) }

    mutating func number(_ value: some BinaryInteger) {
        var rest = UInt64(value)
        while rest > 0x7F {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(rest))
    }

    mutating func signed(_ value: Int64) { number(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    mutating func bytes(_ value: some Sequence<UInt8>) { buffer.writeBytes(value) }

    mutating func document(_ value: ByteBuffer) { buffer.writeImmutableBuffer(value) }

    mutating func digest(_ value: Digest) { value.withBytes { _ = buffer.writeBytes($0) } }

    mutating func header(_ name: StaticString, version: UInt8) {
        buffer.writeStaticString(name)
        byte(version)
    }
}
