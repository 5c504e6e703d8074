import AgentDatabase
import FileIO
import NIOCore
import ObjectStore
import Repository

extension Workspace {
    /// Writes the content of one file of a snapshot. Its chunks arrive in any order; in the end the whole is verified.
    /// - Parameters:
    ///   - file: empty.
    ///   - images: other versions of the file; chunks that they have are not fetched.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, ``FileError``.
    func write(_ entry: Entry, to file: File, reusing images: [File] = []) async throws {
        try await FileIO.run { try file.truncate(to: entry.size) }
        let blobs = try await repository.blobs(of: entry)
        let missing = try await FileIO.run { cancellation in
            try Self.copy(blobs, from: images, to: file, cancellation)
        }
        let (wanted, progress) = (Dictionary(grouping: missing, by: \.blob.frame), progress)
        try await repository.readFrames(wanted.keys) { frame in
            let targets = wanted[frame.location] ?? []
            try await FileIO.run {
                let content = try frame.expand()
                for target in targets { try file.write(try content.blob(target.blob), at: target.offset) }
            }
            progress.finished(bytes: targets.reduce(0) { $0 + Int64($1.blob.length) })
        }
        guard try await FileIO.run({ try Digest(of: file) }) == entry.digest else {
            throw RepositoryError(.damaged, "the chunks of '\(entry.path)' do not make up the file of its SHA-256")
        }
        progress.finished(files: 1)
    }

    /// A chunk and its place in the file.
    private typealias PlacedChunk = (blob: BlobReference, offset: Int64)

    /// Copies the chunks that other files have, wherever they lie there in steps of their own chunks.
    /// - Returns: the others.
    private static func copy(
        _ blobs: [BlobReference], from images: [File], to file: File, _ cancellation: Cancellation
    ) throws -> [PlacedChunk] {
        var wanted: [Digest: [Int64]] = [:]
        var offset: Int64 = 0
        var chunks: [PlacedChunk] = []
        for blob in blobs {
            chunks.append((blob, offset))
            wanted[blob.digest, default: []].append(offset)
            offset += Int64(blob.length)
        }
        guard !images.isEmpty else { return chunks }
        for image in images {
            let size = try image.status().size
            let length = DatabaseEntries.chunkLength(ofSize: size)
            var content = ByteBuffer()
            for start in stride(from: Int64(0), to: size, by: length) where !wanted.isEmpty {
                try cancellation.check()
                content.clear()
                _ = try image.read(into: &content, count: Int(min(Int64(length), size - start)), at: start)
                guard let offsets = wanted.removeValue(forKey: Digest(of: content)) else { continue }
                for offset in offsets { try file.write(content, at: offset) }
            }
        }
        return chunks.filter { wanted[$0.blob.digest] != nil }
    }

    /// Writes the content of one version of a database that is to be merged.
    /// - Parameter images: other versions of it; chunks that they have are not fetched.
    /// - Returns: the file, for the next version.
    @discardableResult
    func fill(
        _ union: DatabaseUnion, _ version: DatabaseUnion.Version, _ entry: Entry, reusing images: [File] = []
    ) async throws -> File {
        let file = try await FileIO.run { try union.file(for: version) }
        try await write(entry, to: file, reusing: images)
        return file
    }
}
