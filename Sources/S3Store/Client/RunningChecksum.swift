import Crypto
import NIOCore

/// Recomputes, from the bytes of an object, the checksum that the store keeps of it.
struct RunningChecksum {
    let algorithm: String
    private let expected: String
    private var digest: Digest

    private enum Digest {
        case sha256(SHA256)
        case sha1(Insecure.SHA1)
        case crc32(CRC<UInt32>)
        case crc64(CRC<UInt64>)
    }

    /// - Returns: `nil` if the store keeps none for the whole object, or only of a kind that is not computed here.
    init?(_ checksums: Checksums) {
        guard checksums.type != "COMPOSITE" else { return nil }
        // A checksum of checksums, as older answers send it without a type, ends in the number of parts.
        func value(_ name: String) -> String? { checksums.values[name].flatMap { $0.contains("-") ? nil : $0 } }
        if let value = value("sha256") {
            (algorithm, expected, digest) = ("SHA-256", value, .sha256(SHA256()))
        } else if let value = value("crc64nvme") {
            (algorithm, expected, digest) = ("CRC-64/NVME", value, .crc64(CRC(table: CRCTable.crc64nvme)))
        } else if let value = value("sha1") {
            (algorithm, expected, digest) = ("SHA-1", value, .sha1(Insecure.SHA1()))
        } else if let value = value("crc32c") {
            (algorithm, expected, digest) = ("CRC-32C", value, .crc32(CRC(table: CRCTable.crc32c)))
        } else if let value = value("crc32") {
            (algorithm, expected, digest) = ("CRC-32", value, .crc32(CRC(table: CRCTable.crc32)))
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
            case .crc64(var sum):
                sum.update(bytes)
                digest = .crc64(sum)
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
            case .crc64(let sum): sum.bytes
            }
        return base64(bytes) == expected
    }
}
