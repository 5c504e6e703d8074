import FileIO

/// The packs and frames that a document refers to, so that each reference inside it is a small number.
///
///     table = packs: count, count × digest(32)
///             frames: count, count × (index of the pack, offset, stored length, length)
///
/// Packs and frames stand in the order in which the document first refers to them, so the same references always make
/// the same bytes.
struct LocationTable {
    private(set) var packs: [Digest] = []
    private(set) var frames: [FrameLocation] = []
    private var packIndex: [Digest: Int] = [:]
    private var frameIndex: [FrameLocation: Int] = [:]

    init() {}

    /// The index of a frame; adds it if it is new.
    mutating func index(of frame: FrameLocation) -> Int {
        if let last = frames.indices.last, frames[last] == frame { return last }
        if let index = frameIndex[frame] { return index }
        _ = index(ofPack: frame.pack)
        frameIndex[frame] = frames.count
        frames.append(frame)
        return frames.count - 1
    }

    /// The index of a pack; adds it if it is new.
    mutating func index(ofPack pack: Digest) -> Int {
        if let index = packIndex[pack] { return index }
        packIndex[pack] = packs.count
        packs.append(pack)
        return packs.count - 1
    }

    /// Calls a pack by another name, for who reads references.
    mutating func move(from pack: Digest, to other: Digest) {
        packs = packs.map { $0 == pack ? other : $0 }
        frames = frames.map { frame in
            guard frame.pack == pack else { return frame }
            return FrameLocation(
                pack: other, offset: frame.offset, storedLength: frame.storedLength, length: frame.length)
        }
    }

    func readPack(from reader: inout FieldReader) throws(FormatError) -> Digest {
        let index = try reader.number(upTo: packs.count - 1)
        guard index < packs.count else { throw FormatError("a pack is not in the table") }
        return packs[index]
    }

    func write(to writer: inout FieldWriter) {
        writer.number(packs.count)
        for pack in packs { writer.digest(pack) }
        writer.number(frames.count)
        for frame in frames {
            writer.number(packIndex[frame.pack] ?? 0)
            writer.number(frame.offset)
            writer.number(frame.storedLength)
            writer.number(frame.length)
        }
    }

    init(from reader: inout FieldReader) throws(FormatError) {
        for _ in 0..<(try reader.count(ofAtLeast: Digest.byteCount)) { packs.append(try reader.digest()) }
        for _ in 0..<(try reader.count(ofAtLeast: 4)) {
            frames.append(
                FrameLocation(
                    pack: try readPack(from: &reader), offset: try reader.number(upTo: Pack.maxLength),
                    storedLength: try reader.number(upTo: FrameLocation.maxStoredLength),
                    length: try reader.number(upTo: FrameLocation.maxLength)))
        }
    }

    /// Reads a reference: digest unless the caller knows it, index of the frame, offset in it, length unless known.
    func readReference(
        from reader: inout FieldReader, digest: Digest? = nil, length: Int? = nil
    ) throws(FormatError) -> BlobReference {
        let digest = if let digest { digest } else { try reader.digest() }
        let index = try reader.number(upTo: frames.count - 1)
        guard index < frames.count else { throw FormatError("a blob lies in no frame") }
        let frame = frames[index]
        let offset = try reader.number(upTo: frame.length)
        let size = if let length { length } else { try reader.number(upTo: frame.length) }
        guard size >= 1, size <= frame.length - offset else { throw FormatError("a blob reaches out of its frame") }
        return BlobReference(digest: digest, frame: frame, offset: offset, length: size)
    }
}

extension FieldWriter {
    /// What ``LocationTable/readReference(from:digest:length:)`` reads.
    mutating func reference(
        _ blob: BlobReference, _ table: inout LocationTable, withDigest: Bool = true, withLength: Bool = true
    ) {
        if withDigest { digest(blob.digest) }
        number(table.index(of: blob.frame))
        number(blob.offset)
        if withLength { number(blob.length) }
    }
}
