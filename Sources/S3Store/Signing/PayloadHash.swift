import Crypto

/// A signature's word on the body; its text is the header `x-amz-content-sha256`
/// (AWS "Authenticating Requests: Using the Authorization Header", *Signature calculations*).
enum PayloadHash: Sendable, Equatable {
    /// The SHA-256 of the whole body, in lower-case hex.
    case sha256(String)
    /// The body is not covered; TLS has to protect it.
    case unsigned
    /// The body is sent in chunks by ``ChunkedBodyEncoder``.
    case streaming(StreamingMode)

    /// The hash of an empty body.
    static let empty = PayloadHash.sha256("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

    /// The hash of a body that is in memory.
    static func of(_ body: [UInt8]) -> PayloadHash {
        .sha256(String(decoding: SigV4.hex(SHA256.hash(data: body)), as: UTF8.self))
    }

    var headerValue: String {
        switch self {
        case .sha256(let hex): hex
        case .unsigned: "UNSIGNED-PAYLOAD"
        case .streaming(let mode): mode.rawValue
        }
    }
}

/// The `aws-chunked` encodings of a body (AWS "Signature Calculations for … Chunked Upload" and "… Including
/// Trailing Headers").
enum StreamingMode: String, Sendable, CaseIterable {
    /// Every chunk is signed.
    case signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    /// Every chunk and the trailer are signed.
    case signedWithTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    /// Nothing is signed; the trailer carries a checksum.
    case unsignedWithTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
}
