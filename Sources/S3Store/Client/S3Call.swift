import Crypto
import NIOCore

/// One request to S3, before it has an address, a time and a signature. It can be sent any number of times.
struct S3Call: Sendable {
    let operation: ServiceOperation
    let method: String
    /// The object; `nil` for a request to the bucket.
    var key: String?
    var query: [(name: String, value: String?)] = []
    var headers: [(name: String, value: String)] = []
    var body: ByteBuffer?
    var asksURLEncoding = false

    init(_ operation: ServiceOperation, _ method: String, key: String? = nil) {
        self.operation = operation
        self.method = method
        self.key = key
    }

    /// Sets the body, and the digest by which a store that knows no newer checksum notices damage.
    mutating func setBody(_ body: ByteBuffer) {
        self.body = body
        headers.append(("content-md5", base64(MD5Digest.of(body))))
    }
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
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = (0..<3).map { start + $0 < bytes.count ? Int(bytes[start + $0]) : 0 }
        let value = group[0] << 16 | group[1] << 8 | group[2]
        for place in 0..<4 {
            let digit = alphabet[value >> (18 - 6 * place) & 63]
            text.append(start + place - 1 < bytes.count || place < 2 ? digit : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
