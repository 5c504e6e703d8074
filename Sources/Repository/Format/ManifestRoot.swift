import FileIO
import NIOCore

/// The first part of a manifest: which pages it has, and which packs the snapshot needs.
///
///     root = "HFRT" version table files bytes
///            count × (pack digest(32), size of the pack, bytes of it that are in use)
///            count × (digest(32), frame, offset, length, files in the page)
struct ManifestRoot: Equatable {
    /// A pack that the snapshot needs.
    struct PackUse: Equatable {
        let pack: Digest
        /// Size of the object, in bytes.
        let size: Int64
        /// How many bytes of it are frames that the snapshot refers to.
        let used: Int64
    }

    struct Page: Equatable {
        let blob: BlobReference
        let files: Int
    }

    var files = 0
    /// The sum of the files' sizes.
    var bytes: Int64 = 0
    var packs: [PackUse] = []
    var pages: [Page] = []

    func encode() -> ByteBuffer {
        var table = LocationTable()
        var body = FieldWriter()
        for page in pages {
            body.reference(page.blob, &table)
            body.number(page.files)
        }
        var head = FieldWriter()
        head.header("HFRT")
        table.write(to: &head)
        head.number(files)
        head.number(bytes)
        head.number(packs.count)
        for use in packs {
            head.digest(use.pack)
            head.number(use.size)
            head.number(use.used)
        }
        head.number(pages.count)
        var all = head.buffer
        all.writeImmutableBuffer(body.buffer)
        return all
    }

    static func decode(_ bytes: ByteBuffer) throws(FormatError) -> ManifestRoot {
        try reading(bytes) { (reader) throws(FormatError) in
            try reader.header("HFRT")
            let table = try LocationTable(from: &reader)
            var root = ManifestRoot()
            root.files = try reader.number(upTo: .max)
            root.bytes = Int64(try reader.number(upTo: .max))
            for _ in 0..<(try reader.count(ofAtLeast: Digest.byteCount + 2)) {
                let pack = try reader.digest()
                let size = Int64(try reader.number(upTo: Pack.maxLength))
                root.packs.append(PackUse(pack: pack, size: size, used: Int64(try reader.number(upTo: Int(size)))))
            }
            for _ in 0..<(try reader.count(ofAtLeast: Digest.byteCount + 4)) {
                let blob = try table.readReference(from: &reader)
                root.pages.append(Page(blob: blob, files: try reader.number(upTo: ManifestPage.maxEntries)))
            }
            try reader.end()
            return root
        }
    }
}
