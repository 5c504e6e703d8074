import AgentFiles
import Basics
import Crypto
import FileIO
import NIOCore
import ObjectStore

/// Reads files of the storage directory without following links.
struct LocalFiles: Sendable {
    let root: File

    /// A file as it is now.
    struct Content: Sendable {
        let body: ObjectBody
        let status: FileStatus
        /// The SHA-256 in hex, if the file is held in memory.
        let sha256: String?
    }

    /// Opens a file and, if it is not large, reads it at one go.
    /// - Throws: ``FileError``; ``StoreError`` of kind `sourceChanged` if the file changes meanwhile.
    func read(_ path: RelativePath) async throws -> Content {
        let root = root
        return try await FileIO.run {
            let file = try File.open(path.components, beneath: root, .read)
            let before = try file.status()
            guard before.kind == .regular else { throw StoreError(.sourceChanged, "read", "is no longer a file") }
            guard before.size <= Lanes.whole else { return Content(body: .file(file), status: before, sha256: nil) }
            var content = ByteBuffer()
            content.reserveCapacity(Int(before.size))
            let count = try file.read(into: &content, count: Int(before.size), at: 0)
            guard count == Int(before.size), try file.status() == before else {
                throw StoreError(.sourceChanged, "read", "changed while it was read")
            }
            return Content(body: .bytes(content), status: before, sha256: contentHash(content))
        }
    }
}

/// The SHA-256 of the readable bytes, in hex.
func contentHash(_ buffer: ByteBuffer) -> String {
    buffer.withUnsafeReadableBytes { bytes in
        var digest = SHA256()
        digest.update(bufferPointer: bytes)
        return Hexadecimal.text(digest.finalize())
    }
}

extension Mirror {
    /// Whether an object is proven to hold the content of a file: by what was remembered of it, else by the store.
    func isStored(
        _ local: LocalFiles.Content, as object: ObjectInfo, _ known: SyncBaseFile.Entry?
    ) async throws(StoreError) -> Bool {
        guard local.status.size == object.size else { return false }
        if known?.proves(object, holds: local.sha256) == true { return true }
        return try await store.holds(local.body, as: object)
    }
}
