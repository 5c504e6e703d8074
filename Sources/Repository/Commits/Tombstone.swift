import FileIO

import struct Crypto.HMAC
import struct Crypto.SHA256
import struct Crypto.SymmetricKey

/// A mark that a session was erased, which says so only to somebody who knows the session's id.
///
/// HMAC-SHA256 with the memory id as the key, so that the marks of two memories cannot be compared.
public struct Tombstone: Codable, Sendable, Hashable, Comparable {
    /// 64 hex digits in a commit.
    public let mark: Digest

    /// The mark of a session.
    /// - Parameters:
    ///   - session: the session's id.
    ///   - memory: the memory id, 32 hex digits: the key is the 16 bytes that they stand for.
    /// - Returns: `nil` if the memory id is not 32 hex digits.
    public init?(session: some Sequence<UInt8>, memory: String) {
        guard isHex(memory, digits: 32) else { return nil }
        let digits = Array(memory.utf8)
        let key = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
        }
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("session".utf8) + [0] + session, using: SymmetricKey(data: key))
        guard let mark = Digest(bytes: Array(code)) else { return nil }
        self.mark = mark
    }

    public init(from decoder: any Decoder) throws { mark = try Digest(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try mark.encode(to: encoder) }

    public static func < (a: Tombstone, b: Tombstone) -> Bool { a.mark < b.mark }
}
