import FileIO
import NIOCore
import ObjectStore

/// A commit as it is stored.
public struct Snapshot: Sendable, Equatable {
    public let name: CommitName
    /// The SHA-256 of the commit's bytes: what people and scripts call the snapshot.
    public let id: Digest
    /// The store's tag of the object, if it sent one.
    public internal(set) var etag: ETag?
    public let commit: Commit
    /// The commit's bytes.
    public let bytes: ByteBuffer

    /// Reads a snapshot that was kept on this machine.
    /// - Returns: `nil` unless the bytes are a commit of this name.
    public static func kept(name: String, bytes: ByteBuffer, etag: ETag?) -> Snapshot? {
        CommitName(name).flatMap { try? Snapshot(name: $0, bytes: bytes, etag: etag) }
    }

    init(name: CommitName, bytes: ByteBuffer, etag: ETag?) throws(FormatError) {
        self.name = name
        self.etag = etag
        self.bytes = bytes
        id = Digest(of: bytes)
        commit = try Commit.decode(bytes, name: name)
    }

    /// The first twelve digits of the ``id``: enough for a person to name it.
    public var shortID: String { String(id.hexadecimal.prefix(12)) }

    /// How another commit refers to this one.
    public var reference: Commit.Reference { Commit.Reference(name: name, id: id) }
}
