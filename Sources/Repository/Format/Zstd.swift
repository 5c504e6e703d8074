import CZstd
import NIOCore

/// Compresses and expands single zstd frames (RFC 8878).
enum Zstd {
    /// The level that libzstd takes by default: on agent state, one pass is faster than any disk that it comes from.
    static let level: Int32 = 3

    /// One frame that holds the content, with its length in the header.
    static func compress(_ content: ByteBuffer) -> ByteBuffer {
        var frame = ByteBuffer()
        let bound = ZSTD_compressBound(content.readableBytes)
        frame.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
            content.withUnsafeReadableBytes { bytes in
                let count = ZSTD_compress(space.baseAddress, space.count, bytes.baseAddress, bytes.count, level)
                // The space is large enough by ZSTD_compressBound, so only a lack of memory is left to fail.
                precondition(ZSTD_isError(count) == 0, "zstd cannot compress: \(name(of: count))")
                return count
            }
        }
        return frame
    }

    /// The content of one frame.
    /// - Parameter length: how long the content is, in bytes. Never more than that is written, whatever the frame says.
    /// - Throws: ``FormatError`` unless the bytes are exactly one frame whose content has this length.
    static func expand(_ frame: ByteBuffer, length: Int) throws(FormatError) -> ByteBuffer {
        var content = ByteBuffer()
        var problem: FormatError?
        frame.withUnsafeReadableBytes { bytes in
            let consumed = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
            guard ZSTD_isError(consumed) == 0 else {
                return problem = FormatError("a frame cannot be expanded: \(name(of: consumed))")
            }
            guard consumed == bytes.count else { return problem = FormatError("bytes follow a frame") }
            guard ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count) == UInt64(length) else {
                return problem = FormatError("a frame does not hold the \(length) bytes it should")
            }
            content.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { space in
                let count = ZSTD_decompress(space.baseAddress, length, bytes.baseAddress, bytes.count)
                if ZSTD_isError(count) != 0 {
                    problem = FormatError("a frame cannot be expanded: \(name(of: count))")
                } else if count != length {
                    problem = FormatError("a frame holds \(count) bytes and not \(length)")
                }
                return problem == nil ? length : 0
            }
        }
        if let problem { throw problem }
        return content
    }

    private static func name(of code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
}
