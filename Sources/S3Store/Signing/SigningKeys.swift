import Crypto
import NIOConcurrencyHelpers

/// Small pieces that all parts of Signature Version 4 share.
enum SigV4 {
    static let algorithm = "AWS4-HMAC-SHA256"

    /// Lower-case hex.
    static func hex(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(64)
        for byte in bytes {
            output.append(digit(byte >> 4))
            output.append(digit(byte & 15))
        }
        return output
    }

    /// Whether two header names are the same; names are ASCII and their case does not matter (RFC 9110 §5.1).
    static func isSameHeader(_ name: String, _ other: String) -> Bool {
        name.utf8.count == other.utf8.count && name.utf8.elementsEqual(other.utf8) { $0 | 0x20 == $1 | 0x20 }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

/// Derived signing keys, kept so that a request costs one HMAC instead of five.
///
/// A key is good for one secret, day, region and service. A client needs one, and for a moment two when its
/// credentials or the day change, so a handful is enough.
final class SigningKeyCache: Sendable {
    private struct Entry {
        let secret: String
        let day: String
        let region: String
        let service: String
        let key: SymmetricKey
    }

    private static let limit = 4
    private let entries = NIOLockedValueBox<[Entry]>([])

    /// The signing key, derived on first use (AWS "Create a signed AWS API request", *Derive a signing key*).
    func key(secret: String, day: String, region: String, service: String) -> SymmetricKey {
        entries.withLockedValue { entries in
            let known = entries.first {
                $0.secret == secret && $0.day == day && $0.region == region && $0.service == service
            }
            if let known { return known.key }
            let key = Self.derive(secret: secret, day: day, region: region, service: service)
            if entries.count == Self.limit { entries.removeFirst() }
            entries.append(Entry(secret: secret, day: day, region: region, service: service, key: key))
            return key
        }
    }

    private static func derive(secret: String, day: String, region: String, service: String) -> SymmetricKey {
        var key = SymmetricKey(data: Array("AWS4\(secret)".utf8))
        for part in [day, region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        return key
    }
}
