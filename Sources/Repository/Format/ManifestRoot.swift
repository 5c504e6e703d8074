import FileIO
import NIOCore

/// The part of a manifest that names its pages.
///
///     root = "HFRT" version table files bytes
///            count × (digest(32), frame, offset, length, files in the page)
///
/// In version 1, the list of the packs stands between the bytes and the pages.
struct ManifestRoot: Equatable {
    struct Page: Equatable {
        let blob: BlobReference
        let files: Int
    }

    var files = 0
    /// The sum of the files' sizes.
    var bytes: Int64 = 0
    /// The packs that the snapshot needs, in version 1; later, they are a ``PackList``.
    var packs: [PackUse]?
    var pages: [Page] = []

    /// The root in version 2, or in version 1 if it has ``packs``, as a copy on this machine keeps it.
    func encode() -> ByteBuffer {
        var table = LocationTable()
        var body = FieldWriter()
        for page in pages {
            body.reference(page.blob, &table)
            body.number(page.files)
        }
        var head = FieldWriter()
        head.header("HFRT", version: packs == nil ? DocumentVersion.root : 1)
        table.write(to: &head)
        head.number(files)
        head.number(bytes)
        if let packs { head.packUses(packs) }
        head.number(pages.count)
        var all = head.buffer
        all.writeImmutableBuffer(body.buffer)
        return all
    }

    static func decode(_ bytes: ByteBuffer) throws(FormatError) -> ManifestRoot {
        try reading(bytes) { (reader) throws(FormatError) in
            let version = try reader.header("HFRT", known: 1...DocumentVersion.root)
            let table = try LocationTable(from: &reader)
            var root = ManifestRoot()
            root.files = try reader.number(upTo: .max)
            root.bytes = Int64(try reader.number(upTo: .max))
            if version == 1 { root.packs = try reader.packUses() }
            for _ in 0..<(try reader.count(ofAtLeast: Digest.byteCount + 4)) {
                let blob = try table.readReference(from: &reader)
                root.pages.append(Page(blob: blob, files: try reader.number(upTo: ManifestPage.maxEntries)))
            }
            try reader.end()
            return root
        }
    }

    /// The same root where a pack is called by another name. Sizes in ``packs`` stay with the stored name.
    func moved(from pack: Digest, to other: Digest) -> ManifestRoot {
        var copy = self
        copy.pages = pages.map { Page(blob: $0.blob.moved(from: pack, to: other), files: $0.files) }
        return copy
    }
}
