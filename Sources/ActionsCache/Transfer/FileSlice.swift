import FileIO
import NIOCore

/// Part of a file as the body of a request, read while it is sent: blocks of 64 MiB would not fit into memory eight
/// times. Every iteration starts anew, so that a request can be sent again.
struct FileSlice: AsyncSequence, Sendable {
    let file: File
    let offset: Int64
    /// In bytes.
    let length: Int64

    static let pieceSize: Int64 = 256 << 10

    struct AsyncIterator: AsyncIteratorProtocol {
        let slice: FileSlice
        var position: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            let (slice, start) = (slice, position)
            let count = Swift.min(FileSlice.pieceSize, slice.length - start)
            guard count > 0 else { return nil }
            let piece = try await FileIO.run { () throws -> ByteBuffer in
                var buffer = ByteBuffer()
                let read = try slice.file.read(into: &buffer, count: Int(count), at: slice.offset + start)
                guard read == Int(count) else {
                    throw CacheError.failed("the archive became shorter while it was sent")
                }
                return buffer
            }
            position += count
            return piece
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(slice: self) }
}
