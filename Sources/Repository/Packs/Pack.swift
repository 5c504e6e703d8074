import FileIO
import NIOCore
import ObjectStore

/// A pack: an object that holds many blobs, named by the SHA-256 of its bytes and never changed.
///
///     pack = "HFPK" version salt(16) frame*
///
/// The salt is random. So a pack that is being pruned can never be the one that a save is about to write: the same blobs
/// make another pack.
enum Pack {
    /// Letters and version.
    static let versionLength = 4 + 1
    static let headerLength = versionLength + 16
    /// A read that begins before this place is extended to the start of the pack, so that the version is checked.
    static let checkedStart = 512 << 10
    /// A pack is closed before it becomes longer than this, in bytes, unless a single frame is: what every client of S3
    /// sends with one request.
    static let targetLength = 8 << 20
    /// The longest pack that is read, in bytes. Reading never holds more of it in memory than some frames.
    static let maxLength = 1 << 30
    /// Stands for the pack that holds the document in which it occurs: a pack cannot contain its own name.
    static let own = Digest.zero

    static func header(salt: (UInt64, UInt64)) -> ByteBuffer {
        var header = versionHeader
        header.writeInteger(salt.0)
        header.writeInteger(salt.1)
        return header
    }

    /// The first bytes of every pack.
    static var versionHeader: ByteBuffer {
        var writer = FieldWriter()
        writer.header("HFPK", version: DocumentVersion.pack)
        return writer.buffer
    }

    static func checkHeader(_ bytes: ByteBuffer) throws(FormatError) {
        try reading(bytes) { (reader) throws(FormatError) in
            _ = try reader.header("HFPK", known: 1...DocumentVersion.pack)
        }
    }
}

/// A pack that is complete and has to be uploaded.
struct FinishedPack: Sendable {
    let digest: Digest
    let bytes: ByteBuffer
    /// The blobs in it, with their real place.
    let blobs: [BlobReference]
}

/// Content that is compressed and waits for its place in a pack.
public struct EncodedFrame: Sendable {
    struct Blob: Sendable {
        let digest: Digest
        let offset: Int
        let length: Int
    }

    let stored: ByteBuffer
    let length: Int
    let blobs: [Blob]

    /// Compresses blobs together. It takes a millisecond and more for each MiB; callable from any thread.
    /// - Parameter blobs: none empty; together at most ``FrameLocation/maxLength``.
    init(_ blobs: [(digest: Digest, content: ByteBuffer)]) {
        var content = blobs.count == 1 ? blobs[0].content : ByteBuffer()
        if blobs.count > 1 {
            content.reserveCapacity(blobs.reduce(0) { $0 + $1.content.readableBytes })
            for blob in blobs { content.writeImmutableBuffer(blob.content) }
        }
        var offset = 0
        self.blobs = blobs.map { blob in
            defer { offset += blob.content.readableBytes }
            return Blob(digest: blob.digest, offset: offset, length: blob.content.readableBytes)
        }
        length = content.readableBytes
        stored = Zstd.compress(content)
    }
}

/// The pack that is being filled.
struct OpenPack: Sendable {
    private(set) var bytes: ByteBuffer
    /// The blobs so far; their pack is ``Pack/own``.
    private(set) var blobs: [BlobReference] = []
    private var index: [Digest: Int] = [:]

    init(salt: (UInt64, UInt64)) { bytes = Pack.header(salt: salt) }

    var isEmpty: Bool { bytes.readableBytes == Pack.headerLength }

    func hasRoom(for frame: EncodedFrame) -> Bool {
        isEmpty || bytes.readableBytes + frame.stored.readableBytes <= Pack.targetLength
    }

    /// - Returns: the references of the frame's blobs, in its order.
    @discardableResult
    mutating func append(_ frame: EncodedFrame) -> [BlobReference] {
        let location = FrameLocation(
            pack: Pack.own, offset: bytes.readableBytes, storedLength: frame.stored.readableBytes, length: frame.length)
        bytes.writeImmutableBuffer(frame.stored)
        let added = frame.blobs.map {
            BlobReference(digest: $0.digest, frame: location, offset: $0.offset, length: $0.length)
        }
        for blob in added {
            index[blob.digest] = blobs.count
            blobs.append(blob)
        }
        return added
    }

    func blob(_ digest: Digest) -> BlobReference? { index[digest].map { blobs[$0] } }

    func finish() -> FinishedPack {
        let digest = Digest(of: bytes)
        return FinishedPack(digest: digest, bytes: bytes, blobs: blobs.map { $0.moved(from: Pack.own, to: digest) })
    }
}

extension BlobReference {
    /// The same blob where the pack is called by another name.
    func moved(from pack: Digest, to other: Digest) -> BlobReference {
        guard frame.pack == pack else { return self }
        return BlobReference(
            digest: digest,
            frame: FrameLocation(
                pack: other, offset: frame.offset, storedLength: frame.storedLength, length: frame.length),
            offset: offset, length: length)
    }
}

extension Entry {
    /// The same file where a pack is called by another name.
    func moved(from pack: Digest, to other: Digest) -> Entry {
        func moved(_ blobs: [BlobReference]) -> [BlobReference] { blobs.map { $0.moved(from: pack, to: other) } }
        let content: Content =
            switch content {
            case .empty: .empty
            case .blob(let blob): .blob(blob.moved(from: pack, to: other))
            case .chunks(let blobs): .chunks(moved(blobs))
            case .chunkLists(let blobs, let packs):
                .chunkLists(moved(blobs), packs: packs.map { $0 == pack ? other : $0 })
            }
        return Entry(path: path, mode: mode, modified: modified, size: size, digest: digest, content: content)
    }
}
