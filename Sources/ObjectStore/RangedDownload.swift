import Basics
import FileIO
import NIOCore

extension ObjectStore {
    /// Reads a large object in several ranges at once, all of the same version, into a file.
    /// - Parameters:
    ///   - object: what a listing said of it.
    ///   - file: open for writing; each byte goes to its offset.
    ///   - received: is told of each piece, in bytes.
    /// - Returns: the version that was read.
    /// - Throws: ``StoreError``; `preconditionFailed` if the object is replaced meanwhile.
    public func download(
        _ object: ObjectInfo, into file: File, partSize: Int64 = 8 << 20, partsAtOnce: Int = 4,
        received: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws(StoreError) -> ObjectInfo {
        // The tag of a listing is not the one of a read on every server, so the version is asked for.
        let version = try await head(object.key)
        let starts = stride(from: 0, to: version.size, by: Int64.Stride(partSize))
        do {
            try await forEachConcurrently(starts, limit: partsAtOnce) { start in
                let range = start..<min(start + partSize, version.size)
                let content = try await get(object.key, range: range, ifMatch: version.etag)
                var offset = start
                for try await chunk in content.chunks {
                    let place = offset
                    try await FileIO.run { try file.write(chunk, at: place) }
                    offset += Int64(chunk.readableBytes)
                    received(chunk.readableBytes)
                }
                guard offset == range.upperBound else {
                    throw StoreError(.corrupt, "read", key: object.key, "a part of it is shorter than announced")
                }
            }
        } catch {
            throw StoreError(wrapping: error, "read", key: object.key)
        }
        return version
    }
}
