import Basics
import Crypto
import NIOCore
import ObjectStore

/// Compares content here with the tag that a store gave to an object.
///
/// A tag that is equal to the MD5 of the content, or to the MD5 of the MD5s of its parts as this client cuts them, proves
/// that the object holds it. A tag that is not equal proves nothing, for tags are the store's own business.
struct ETagComparison {
    private let content: BodyReader

    init(_ body: ObjectBody, key: ObjectKey) async throws(StoreError) {
        content = try await BodyReader(body, for: "compare", key: key)
    }

    /// In bytes.
    var size: Int64 { content.size }

    func matches(_ etag: ETag) async throws(StoreError) -> Bool {
        if let md5 = etag.md5 {
            var digest = Insecure.MD5()
            try await forEachPiece { piece in piece.withUnsafeReadableBytes { digest.update(bufferPointer: $0) } }
            return Hexadecimal.text(digest.finalize()) == md5
        }
        let bare = etag.text.filter { $0 != "\"" }
        let partSize = S3Multipart.partSize(for: size)
        let parts = (size + partSize - 1) / partSize
        guard bare.hasSuffix("-\(parts)"), bare.utf8.count == 33 + "\(parts)".utf8.count else { return false }
        return bare.lowercased() == MultipartTag.text(try await partDigests(partSize))
    }

    /// Whether the content has a checksum that the store keeps.
    func matches(_ checksum: RunningChecksum) async throws(StoreError) -> Bool {
        var checksum = checksum
        try await forEachPiece { checksum.update($0) }
        return checksum.isRight
    }

    private func partDigests(_ partSize: Int64) async throws(StoreError) -> [[UInt8]] {
        var digests: [[UInt8]] = []
        try await forEachPiece(of: partSize) { digests.append(MD5Digest.of($0)) }
        return digests
    }

    private func forEachPiece(of length: Int64 = 1 << 20, _ body: (ByteBuffer) -> Void) async throws(StoreError) {
        for range in content.pieces(of: length) { body(try await content.read(range)) }
    }
}

/// The tag that S3 gives to an object of several parts: the MD5 of their MD5s, and their number.
enum MultipartTag {
    /// Without quotes.
    static func text(_ digests: [[UInt8]]) -> String {
        "\(Hexadecimal.text(MD5Digest.of(ByteBuffer(bytes: digests.flatMap { $0 }))))-\(digests.count)"
    }
}
