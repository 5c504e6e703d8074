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
        /// The SHA-256, if the file is held in memory.
        let sha256: Digest?

        /// The SHA-256, read from the file if it is large.
        func digest() async throws -> Digest {
            if let sha256 { return sha256 }
            guard case .file(let file) = body else { return .zero }
            return try await FileIO.run { try Digest(of: file) }
        }
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
            return Content(body: .bytes(content), status: before, sha256: Digest(of: content))
        }
    }
}
