import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

extension Repository {
    /// The blobs that make up a file, in order; reads its chunk lists if it has any.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``.
    public func blobs(of entry: Entry) async throws -> [BlobReference] {
        try await blobs(of: [entry])[entry.digest] ?? []
    }

    /// The blobs of several files, by the digest of the file.
    public func blobs(of entries: some Sequence<Entry>) async throws -> [Digest: [BlobReference]] {
        var found: [Digest: [BlobReference]] = [:]
        var lists: [(entry: Entry, blobs: [BlobReference])] = []
        for entry in entries {
            switch entry.content {
            case .chunkLists(let blobs, _): lists.append((entry, blobs))
            case .empty, .blob, .chunks: found[entry.digest] = entry.references
            }
        }
        guard !lists.isEmpty else { return found }
        let bytes = try await readBlobs(lists.flatMap(\.blobs))
        for (entry, blobs) in lists {
            var chunks: [BlobReference] = []
            for blob in blobs {
                let pack = blob.frame.pack
                do throws(FormatError) {
                    chunks += try ChunkList.decode(bytes[blob.digest] ?? ByteBuffer(), in: pack)
                } catch {
                    throw error.about(key(ofPack: pack))
                }
            }
            guard total(chunks) == entry.size else {
                throw RepositoryError.damaged(
                    blobs.first.map { key(ofPack: $0.frame.pack) },
                    "the chunks of '\(entry.path)' do not add up to its size")
            }
            found[entry.digest] = chunks
        }
        return found
    }

    /// The content of a file, piece by piece, in order.
    /// - Parameter deliver: is called for one piece after the other.
    /// - Throws: ``RepositoryError`` of kind `damaged` before a piece that is not what the manifest says, ``StoreError``,
    ///   or what `deliver` throws.
    public func read(_ entry: Entry, _ deliver: @escaping @Sendable (ByteBuffer) async throws -> Void) async throws {
        for blob in try await blobs(of: entry) {
            try await readFrames([blob.frame]) { frame in try await deliver(try frame.expand().blob(blob)) }
        }
    }

    /// The content of a file in memory.
    public func content(of entry: Entry) async throws -> ByteBuffer {
        let all = NIOLockedValueBox(ByteBuffer())
        try await read(entry) { piece in all.withLockedValue { _ = $0.writeImmutableBuffer(piece) } }
        return all.withLockedValue { $0 }
    }
}
