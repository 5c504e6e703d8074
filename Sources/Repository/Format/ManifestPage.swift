import FileIO
import NIOCore

/// A part of a manifest: some hundred files that follow each other in the order of their paths.
///
///     page  = "HFPG" version table count × entry
///     entry = length of the start shared with the path before, length of the rest, rest of the path,
///             mode, signed difference of the time to the entry before (ns), size, digest(32), kind, content
///     kind  = 0 empty | 1 blob: frame, offset | 2 chunks: count, count × (digest, frame, offset, length)
///           | 3 chunk lists: as chunks, then the packs of the chunks: count, count × index of the pack
///
/// A page stands alone and has no time or name of its own: the same files in the same places are the same bytes, so a
/// page that did not change is a blob that the store already has.
enum ManifestPage {
    /// The most files in a page.
    static let maxEntries = 1024
    /// The longest page that is written, in bytes.
    static let maxLength = 4 << 20
    /// The longest path, in bytes: `PATH_MAX` of Linux.
    static let maxPathLength = 4096

    static func encode(_ entries: some Sequence<Entry>) -> ByteBuffer {
        var table = LocationTable()
        var body = FieldWriter()
        var count = 0
        var previous: [UInt8] = []
        var time: Int64 = 0
        for entry in entries {
            let path = entry.path.bytes
            let shared = zip(previous, path).prefix { $0 == $1 }.count
            body.number(shared)
            body.number(path.count - shared)
            body.bytes(path[shared...])
            body.number(entry.mode)
            body.signed(entry.modified &- time)
            body.number(entry.size)
            body.digest(entry.digest)
            switch entry.content {
            case .empty: body.byte(0)
            case .blob(let blob):
                body.byte(1)
                body.reference(blob, &table, withDigest: false, withLength: false)
            case .chunks(let blobs):
                body.byte(2)
                body.references(blobs, &table)
            case .chunkLists(let blobs, let packs):
                body.byte(3)
                body.references(blobs, &table)
                body.number(packs.count)
                for pack in packs { body.number(table.index(ofPack: pack)) }
            }
            (previous, time) = (path, entry.modified)
            count += 1
        }
        return document("HFPG", version: DocumentVersion.page, table, count, body)
    }

    static func decode(_ bytes: ByteBuffer) throws(FormatError) -> [Entry] {
        var entries: [Entry] = []
        try decode(bytes, in: Pack.own, into: &entries)
        return entries
    }

    /// - Parameters:
    ///   - pack: what the pack is called that the page itself lies in.
    ///   - entries: where the files are added.
    static func decode(_ bytes: ByteBuffer, in pack: Digest, into entries: inout [Entry]) throws(FormatError) {
        try reading(bytes) { (reader) throws(FormatError) in
            try reader.header("HFPG", known: 1...DocumentVersion.page)
            var table = try LocationTable(from: &reader)
            table.move(from: Pack.own, to: pack)
            let count = try reader.count(ofAtLeast: 38)
            guard count <= maxEntries else { throw FormatError("a page has \(count) entries") }
            var previous: [UInt8] = []
            var time: Int64 = 0
            for _ in 0..<count {
                let entry = try entry(from: &reader, table, after: previous, time)
                (previous, time) = (entry.path.bytes, entry.modified)
                entries.append(entry)
            }
            try reader.end()
        }
    }

    private static func entry(
        from reader: inout FieldReader, _ table: LocationTable, after previous: [UInt8], _ time: Int64
    ) throws(FormatError) -> Entry {
        let shared = try reader.number(upTo: previous.count)
        let rest = try reader.bytes(try reader.number(upTo: maxPathLength - shared))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(shared + rest.count)
        bytes += previous[..<shared]
        bytes += rest
        guard let path = RelativePath(bytes: bytes) else {
            throw FormatError("a path is not a relative path of names")
        }
        // What they share does not tell them apart.
        guard previous[shared...].lexicographicallyPrecedes(bytes[shared...]) else {
            throw FormatError("paths are out of order")
        }
        let mode = UInt32(try reader.number(upTo: 0o777))
        let modified = time &+ (try reader.signed())
        let size = Int64(try reader.number(upTo: .max))
        let digest = try reader.digest()
        let content: Entry.Content
        switch try reader.byte() {
        case 0:
            guard size == 0, digest == emptyDigest else { throw FormatError("an empty file has a size or a digest") }
            content = .empty
        case 1:
            guard let length = Int(exactly: size) else { throw FormatError("a blob is too long") }
            content = .blob(try table.readReference(from: &reader, digest: digest, length: length))
        case 2:
            let chunks = try reader.references(table)
            guard total(chunks) == size else { throw FormatError("the chunks of a file do not add up to its size") }
            content = .chunks(chunks)
        case 3:
            let lists = try reader.references(table)
            var packs: [Digest] = []
            for _ in 0..<(try reader.count(ofAtLeast: 1)) { packs.append(try table.readPack(from: &reader)) }
            content = .chunkLists(lists, packs: packs)
        default: throw FormatError("a file has a kind of content that is not known")
        }
        return Entry(path: path, mode: mode, modified: modified, size: size, digest: digest, content: content)
    }
}

/// The list of a part of a large file's chunks.
///
///     chunk list = "HFCL" version table count × (digest(32), frame, offset, length)
enum ChunkList {
    /// How many chunks a list holds. The cuts are at fixed places, so a change of one chunk changes one list.
    static let length = 256

    static func encode(_ chunks: some Collection<BlobReference>) -> ByteBuffer {
        var table = LocationTable()
        var body = FieldWriter()
        for chunk in chunks { body.reference(chunk, &table) }
        return document("HFCL", version: DocumentVersion.chunkList, table, chunks.count, body)
    }

    /// - Parameter pack: what the pack is called that the list itself lies in.
    static func decode(_ bytes: ByteBuffer, in pack: Digest) throws(FormatError) -> [BlobReference] {
        try reading(bytes) { (reader) throws(FormatError) in
            try reader.header("HFCL", known: 1...DocumentVersion.chunkList)
            var table = try LocationTable(from: &reader)
            table.move(from: Pack.own, to: pack)
            let chunks = try reader.references(table)
            try reader.end()
            return chunks
        }
    }
}

/// The sum of the lengths, in bytes.
func total(_ blobs: [BlobReference]) -> Int64 { blobs.reduce(0) { $0 &+ Int64($1.length) } }

/// Name, version, table, count and items of a document whose items are written already.
func document(
    _ name: StaticString, version: UInt8, _ table: LocationTable, _ count: Int, _ body: FieldWriter
) -> ByteBuffer {
    var head = FieldWriter()
    head.header(name, version: version)
    table.write(to: &head)
    head.number(count)
    var all = head.buffer
    all.writeImmutableBuffer(body.buffer)
    return all
}

/// Runs a reader over a buffer.
func reading<Result>(
    _ bytes: ByteBuffer, _ body: (inout FieldReader) throws(FormatError) -> Result
) throws(FormatError) -> Result {
    let outcome = bytes.withUnsafeReadableBytes { raw in
        Swift.Result { () throws(FormatError) -> Result in
            var reader = FieldReader(raw)
            return try body(&reader)
        }
    }
    return try outcome.get()
}

extension FieldWriter {
    mutating func references(_ blobs: [BlobReference], _ table: inout LocationTable) {
        number(blobs.count)
        for blob in blobs { reference(blob, &table) }
    }
}

extension FieldReader {
    mutating func references(_ table: LocationTable) throws(FormatError) -> [BlobReference] {
        var blobs: [BlobReference] = []
        for _ in 0..<(try count(ofAtLeast: Digest.byteCount + 3)) {
            blobs.append(try table.readReference(from: &self))
        }
        return blobs
    }
}
