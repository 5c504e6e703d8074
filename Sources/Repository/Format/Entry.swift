import FileIO

/// One file of a snapshot.
public struct Entry: Sendable, Equatable {
    /// Where the content is.
    public enum Content: Sendable, Equatable {
        /// There is none: the file is empty.
        case empty
        /// One blob, whose digest is that of the file.
        case blob(BlobReference)
        /// Blobs that follow each other.
        case chunks([BlobReference])
        /// Blobs that hold chunk lists, which follow each other, and the packs of the chunks that these name: for files of
        /// many chunks, so that a small change of the file changes little of the manifest.
        case chunkLists([BlobReference], packs: [Digest])
    }

    public let path: RelativePath
    /// The nine permission bits.
    public let mode: UInt32
    /// When the content last changed by the clock of the machine it comes from, in nanoseconds since 1970.
    public let modified: Int64
    /// In bytes.
    public let size: Int64
    /// The SHA-256 of the content.
    public let digest: Digest
    public let content: Content

    public init(
        path: RelativePath, mode: UInt32, modified: Int64, size: Int64, digest: Digest, content: Content
    ) {
        self.path = path
        self.mode = mode
        self.modified = modified
        self.size = size
        self.digest = digest
        self.content = content
    }

    /// The blobs that the manifest itself names.
    public var references: [BlobReference] {
        switch content {
        case .empty: []
        case .blob(let blob): [blob]
        case .chunks(let blobs), .chunkLists(let blobs, _): blobs
        }
    }
}

/// The digest of no bytes at all: that of every empty file.
public let emptyDigest = Digest(of: UnsafeRawBufferPointer(start: nil, count: 0))
