import AgentDatabase
import FileIO
import NIOCore
import ObjectStore
import Repository

extension Workspace {
    /// Writes the content of one file of a snapshot. Its chunks arrive in any order; in the end the whole is verified.
    /// - Parameter file: empty.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, ``FileError``.
    func write(_ entry: Entry, to file: File) async throws {
        try await FileIO.run { try file.truncate(to: entry.size) }
        var byFrame: [FrameLocation: [(blob: BlobReference, offset: Int64)]] = [:]
        var offset: Int64 = 0
        for blob in try await repository.blobs(of: entry) {
            byFrame[blob.frame, default: []].append((blob, offset))
            offset += Int64(blob.length)
        }
        let (wanted, progress) = (byFrame, progress)
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

    /// Writes the content of one version of a database that is to be merged.
    @discardableResult
    func fill(_ union: DatabaseUnion, _ version: DatabaseUnion.Version, _ entry: Entry) async throws -> File {
        let file = try await FileIO.run { try union.file(for: version) }
        try await write(entry, to: file)
        return file
    }
}
