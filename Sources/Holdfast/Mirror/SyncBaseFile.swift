import Basics
import Crypto
import FileIO
import FoundationEssentials
import NIOCore
import ObjectStore

/// What was the same here and in the store when they were synchronised last.
///
/// With it a pull can tell a file that changed here from one that changed there, and a push recognises what is stored
/// where the store's tags say nothing of the content: an object whose tag is still the one of then holds the content of
/// then, whose hash is here. Losing it costs time and a question, never data.
struct SyncBaseFile: Sendable {
    private let directory: String
    private let name: String

    /// - Parameters:
    ///   - directory: `$XDG_STATE_HOME/holdfast`.
    ///   - store: memory and storage directory: together they name the pair of places.
    init(directory: String, store: String, memory: String, storage: String) {
        self.directory = directory
        let identity = [store, memory, storage].joined(separator: "\0")
        name = "\(Hexadecimal.text(SHA256.hash(data: Array(identity.utf8)).prefix(16))).mirror.json"
    }

    /// One file as it was then.
    struct Entry: Codable, Sendable {
        let path: String
        /// The tag of the object.
        let etag: String?
        /// The SHA-256 of the content, in hex; `nil` for files that are too large to be held in memory.
        let sha256: String?
        let size: Int64
        let modified: Int64
        let changed: Int64
        let inode: UInt64

        func isUntouched(_ status: FileStatus) -> Bool {
            (size, modified, changed, inode) == (status.size, status.modified, status.changed, status.inode)
        }

        /// Whether an object with this tag is proven to hold content with this hash.
        func proves(_ object: ObjectInfo, holds hash: String?) -> Bool {
            guard let etag, let sha256, let hash else { return false }
            return object.etag?.text == etag && sha256 == hash
        }
    }

    private struct Content: Codable {
        var version = 1
        var files: [Entry]
    }

    /// The entries by key, which compares paths as bytes; empty if nothing usable is there.
    func read() async -> [ObjectKey: Entry] {
        let path = "\(directory)/\(name)"
        let content = try? await FileIO.run {
            let file = try File.open(path, [.read, .noFollow])
            let size = Int(try file.status().size)
            var buffer = ByteBuffer()
            _ = try file.read(into: &buffer, count: size, at: 0)
            return try JSONDecoder().decode(Content.self, from: Data(buffer.readableBytesView))
        }
        guard let content, content.version == 1 else { return [:] }
        return Dictionary(content.files.map { (ObjectKey($0.path), $0) }) { first, _ in first }
    }

    /// Replaces the entries.
    /// - Parameter kept: entries that stay as they were.
    /// - Throws: ``FileError``.
    func write(_ files: [SyncedFile], keeping kept: [Entry]) async throws {
        let entries =
            kept
            + files.map {
                Entry(
                    path: $0.path, etag: $0.etag?.text, sha256: $0.sha256, size: $0.status.size,
                    modified: $0.status.modified, changed: $0.status.changed, inode: $0.status.inode)
            }
        let bytes = ByteBuffer(bytes: try JSONEncoder().encode(Content(files: entries)))
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            let parent = try File.open(directory, [.read, .directory])
            let temporary = FileIO.temporaryName("base-")
            let file = try File.open(temporary, in: parent, [.write, .createNew], permissions: 0o600)
            do {
                try file.write(bytes, at: 0)
                try parent.rename(temporary, to: Array(name.utf8), in: parent)
            } catch {
                try? parent.remove(temporary)
                throw error
            }
        }
    }
}
