import Basics
import Crypto
import NIOCore
import ObjectStore

/// One request to S3, before it has an address, a time and a signature. It can be sent any number of times.
struct S3Call: Sendable {
    let operation: ServiceOperation
    let method: String
    /// The object; `nil` for a request to the bucket.
    var key: String?
    var query: [(name: String, value: String?)] = []
    var headers: [(name: String, value: String)] = []
    private(set) var body: ByteBuffer?
    /// The signature's word on the body; computed once, however often the call is sent.
    private(set) var payload = PayloadHash.empty
    var asksURLEncoding = false

    /// Whether the body is content of an object, and not a document for the store.
    var carriesContent: Bool { operation == .putObject || operation == .uploadPart }

    init(_ operation: ServiceOperation, _ method: String, key: String? = nil) {
        self.operation = operation
        self.method = method
        self.key = key
    }

    /// - Returns: the SHA-256 of the body.
    @discardableResult
    mutating func setBody(_ body: ByteBuffer) -> [UInt8] {
        let digest = sha256(body)
        self.body = body
        payload = .sha256(Hexadecimal.text(digest))
        return digest
    }

    /// Adds the digest by which a store that knows no newer checksum notices damage.
    /// - Parameter digest: the MD5 of the body.
    mutating func setContentMD5(_ digest: [UInt8]) { headers.append(("content-md5", base64(digest))) }
}

/// MD5 as S3 uses it: a checksum, not a protection against forgery.
enum MD5Digest {
    static func of(_ buffer: ByteBuffer) -> [UInt8] {
        buffer.withUnsafeReadableBytes { bytes in
            var digest = Insecure.MD5()
            digest.update(bufferPointer: bytes)
            return Array(digest.finalize())
        }
    }
}

/// SHA-256 of the readable bytes.
func sha256(_ buffer: ByteBuffer) -> [UInt8] {
    buffer.withUnsafeReadableBytes { bytes in
        var digest = SHA256()
        digest.update(bufferPointer: bytes)
        return Array(digest.finalize())
    }
}

/// RFC 4648 §4, with padding.
func base64(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let count = min(3, bytes.count - start)
        var group = Int(bytes[start]) << 16
        if count > 1 { group |= Int(bytes[start + 1]) << 8 }
        if count > 2 { group |= Int(bytes[start + 2]) }
        for digit in 0..<4 {
            text.append(digit <= count ? base64Digits[group >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}

private let base64Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
