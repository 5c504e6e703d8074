import Crypto
import NIOCore

/// Recomputes, while an object arrives, the checksum that the store keeps of it.
struct RunningChecksum {
    let algorithm: String
    private let expected: String
    private var digest: Digest

    private enum Digest {
        case sha256(SHA256)
        case sha1(Insecure.SHA1)
        case crc32(CRC32)
    }

    /// - Returns: `nil` if the store keeps none for the whole object, or only of a kind that is not computed here.
    init?(_ checksums: Checksums) {
        guard checksums.type != "COMPOSITE" else { return nil }
        // A checksum of checksums, as older answers send it without a type, ends in the number of parts.
        func value(_ name: String) -> String? { checksums.values[name].flatMap { $0.contains("-") ? nil : $0 } }
        if let value = value("sha256") {
            (algorithm, expected, digest) = ("SHA-256", value, .sha256(SHA256()))
        } else if let value = value("sha1") {
            (algorithm, expected, digest) = ("SHA-1", value, .sha1(Insecure.SHA1()))
        } else if let value = value("crc32c") {
            (algorithm, expected, digest) = ("CRC-32C", value, .crc32(CRC32(polynomial: 0x82F6_3B78)))
        } else if let value = value("crc32") {
            (algorithm, expected, digest) = ("CRC-32", value, .crc32(CRC32(polynomial: 0xEDB8_8320)))
        } else {
            return nil
        }
    }

    mutating func update(_ chunk: ByteBuffer) {
        chunk.withUnsafeReadableBytes { bytes in
            switch digest {
            case .sha256(var hash):
                hash.update(bufferPointer: bytes)
                digest = .sha256(hash)
            case .sha1(var hash):
                hash.update(bufferPointer: bytes)
                digest = .sha1(hash)
            case .crc32(var sum):
                sum.update(bytes)
                digest = .crc32(sum)
            }
        }
    }

    /// Whether the bytes so far are those of the object.
    var isRight: Bool {
        let bytes: [UInt8] =
            switch digest {
            case .sha256(let hash): Array(hash.finalize())
            case .sha1(let hash): Array(hash.finalize())
            case .crc32(let sum): sum.bytes
            }
        return base64(bytes) == expected
    }
}

/// A reflected 32-bit CRC with all bits set at the start and inverted at the end (ISO 3309, and RFC 3720 §12.1 for the
/// Castagnoli polynomial).
struct CRC32 {
    private let table: [UInt32]
    private var state = UInt32.max

    /// - Parameter polynomial: in reflected form.
    init(polynomial: UInt32) {
        table = (0..<256).map { index in
            (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? polynomial ^ value >> 1 : value >> 1 }
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { state = table[Int((state ^ UInt32(byte)) & 0xFF)] ^ state >> 8 }
    }

    /// Most significant byte first, as S3 sends it.
    var bytes: [UInt8] {
        let value = ~state
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
