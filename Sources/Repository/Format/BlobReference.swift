import FileIO

/// Where a frame lies: a piece of a pack that is compressed as a whole and holds one blob or several.
public struct FrameLocation: Sendable, Hashable {
    /// The largest content of a frame, in bytes: what a reader must be able to hold in memory for it.
    public static let maxLength = 16 << 20
    /// The largest frame: content that does not compress gains a few bytes.
    public static let maxStoredLength = maxLength + (1 << 17)

    public let pack: Digest
    /// From the start of the pack, in bytes.
    public let offset: Int
    /// Of the frame in the pack, in bytes.
    public let storedLength: Int
    /// Of its content, in bytes.
    public let length: Int

    public init(pack: Digest, offset: Int, storedLength: Int, length: Int) {
        self.pack = pack
        self.offset = offset
        self.storedLength = storedLength
        self.length = length
    }

    /// Its bytes in the pack.
    public var range: Range<Int> { offset..<(offset + storedLength) }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(pack)
        hasher.combine(offset)
    }
}

/// A blob, and where it lies. Equal digests mean equal content, wherever it lies.
public struct BlobReference: Sendable, Hashable {
    public let digest: Digest
    public let frame: FrameLocation
    /// From the start of the frame's content, in bytes.
    public let offset: Int
    /// In bytes, at least 1.
    public let length: Int

    public init(digest: Digest, frame: FrameLocation, offset: Int, length: Int) {
        self.digest = digest
        self.frame = frame
        self.offset = offset
        self.length = length
    }
}
