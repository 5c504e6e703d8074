import Crypto
import NIOCore

/// Encodes a body as `aws-chunked`, for a request signed with ``PayloadHash/streaming(_:)``.
///
/// S3 wants every chunk but the last to have at least 8 KiB, and `Content-Encoding: aws-chunked`,
/// `x-amz-decoded-content-length`, and `x-amz-trailer` with the names of the trailers, if there are any, among the
/// signed headers.
struct ChunkedBodyEncoder: Sendable {
    private let mode: StreamingMode
    private let scope: SigningScope
    /// The signature of the request, of the newest chunk, or of the trailer.
    private(set) var lastSignature: String
    /// The text that was signed; empty at first and in the unsigned mode.
    private(set) var lastStringToSign: [UInt8] = []

    /// - Parameter request: the signature of the request that the body belongs to.
    init(mode: StreamingMode, following request: SigV4Signature) {
        self.mode = mode
        scope = request.scope
        lastSignature = request.value
    }

    /// Encodes one chunk. An empty chunk would end the body, so nothing is sent for it.
    mutating func chunk(_ data: ByteBuffer) -> ByteBuffer {
        guard data.readableBytes > 0 else { return ByteBuffer() }
        var output = ByteBuffer()
        output.reserveCapacity(data.readableBytes + 128)
        writeChunkLine(data, to: &output)
        output.writeImmutableBuffer(data)
        output.writeStaticString("\r\n")
        return output
    }

    /// Ends the body.
    /// - Parameter trailers: the checksums that `x-amz-trailer` announced; none without a trailer mode.
    mutating func end(trailers: [(name: String, value: String)] = []) -> ByteBuffer {
        var output = ByteBuffer()
        writeChunkLine(ByteBuffer(), to: &output)
        if mode != .signed {
            for trailer in trailers { output.writeString("\(trailer.name):\(trailer.value)\r\n") }
        }
        if mode == .signedWithTrailer {
            signTrailers(trailers)
            output.writeString("x-amz-trailer-signature:\(lastSignature)\r\n")
        }
        output.writeStaticString("\r\n")
        return output
    }

    /// The `Content-Length` of an encoded body, in bytes.
    /// - Parameters:
    ///   - length: the length of the body itself.
    ///   - chunkSize: the length of all chunks but the last.
    ///   - trailers: the trailers; only the lengths of their values matter.
    static func encodedLength(
        of length: Int64, chunkSize: Int, mode: StreamingMode, trailers: [(name: String, value: String)] = []
    ) -> Int64 {
        let size = Int64(max(1, chunkSize))
        func chunk(_ length: Int64) -> Int64 {
            let signature = mode == .unsignedWithTrailer ? 0 : Int64(";chunk-signature=".utf8.count + 64)
            return Int64(String(length, radix: 16).utf8.count) + signature + 2 + (length > 0 ? length + 2 : 0)
        }
        var total = length / size * chunk(size) + chunk(0) + 2
        if length % size > 0 { total += chunk(length % size) }
        if mode != .signed {
            for trailer in trailers { total += Int64(trailer.name.utf8.count + trailer.value.utf8.count + 3) }
        }
        return total + (mode == .signedWithTrailer ? Int64("x-amz-trailer-signature:".utf8.count + 64 + 2) : 0)
    }

    private mutating func writeChunkLine(_ data: ByteBuffer, to output: inout ByteBuffer) {
        output.writeString(String(data.readableBytes, radix: 16))
        if mode != .unsignedWithTrailer {
            sign(
                "AWS4-HMAC-SHA256-PAYLOAD",
                [Array(lastSignature.utf8), Array(PayloadHash.empty.headerValue.utf8), SigV4.hex(Self.hash(data))])
            output.writeStaticString(";chunk-signature=")
            output.writeString(lastSignature)
        }
        output.writeStaticString("\r\n")
    }

    private mutating func signTrailers(_ trailers: [(name: String, value: String)]) {
        var text: [UInt8] = []
        for trailer in trailers { text += "\(trailer.name):\(trailer.value)\n".utf8 }
        sign("AWS4-HMAC-SHA256-TRAILER", [Array(lastSignature.utf8), SigV4.hex(SHA256.hash(data: text))])
    }

    private mutating func sign(_ algorithm: String, _ lines: [[UInt8]]) {
        lastStringToSign = scope.stringToSign(algorithm, lines)
        lastSignature = scope.signature(of: lastStringToSign)
    }

    private static func hash(_ data: ByteBuffer) -> SHA256.Digest {
        data.withUnsafeReadableBytes { bytes in
            var hasher = SHA256()
            hasher.update(bufferPointer: bytes)
            return hasher.finalize()
        }
    }
}
