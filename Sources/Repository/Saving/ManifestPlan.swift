import FileIO
import NIOCore

/// Cuts the files of a snapshot into pages, and finds those that are stored already.
struct ManifestPlan {
    private enum Page {
        case stored(BlobReference, ArraySlice<Entry>)
        case new(ByteBuffer, ArraySlice<Entry>)
    }

    private var pages: [Page] = []

    /// - Parameters:
    ///   - entries: in the order of their paths. What lies in the open pack is in ``Pack/own``.
    ///   - manifests: whose pages may be used again.
    ///   - abandoned: packs whose pages are written anew.
    init(_ entries: [Entry], reusing manifests: [Manifest], except abandoned: Set<Digest>) {
        var stored: [[UInt8]: [(blob: BlobReference, entries: ArraySlice<Entry>)]] = [:]
        for manifest in manifests {
            for (page, entries) in zip(manifest.root.pages, manifest.pages) {
                guard let first = entries.first, !abandoned.contains(page.blob.frame.pack) else { continue }
                stored[first.path.bytes, default: []].append((page.blob, entries))
            }
        }
        for range in Self.cut(entries) {
            let page = entries[range]
            if let same = stored[entries[range.lowerBound].path.bytes]?.first(where: { $0.entries.elementsEqual(page) })
            {
                pages.append(.stored(same.blob, page))
            } else {
                pages.append(.new(ManifestPage.encode(page), page))
            }
        }
    }

    /// The ranges of the pages. A page ends where the hash of a path says so, so that an added file moves no other cut.
    private static func cut(_ entries: [Entry]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        var weight = 0
        for (index, entry) in entries.enumerated() {
            // A path, a digest, numbers, and references of about 40 bytes.
            weight += entry.path.bytes.count + 60 + 44 * entry.references.count
            let isFull = index + 1 - start == ManifestPage.maxEntries || weight > ManifestPage.maxLength / 2
            if isFull || endsPage(entry.path.bytes) {
                ranges.append(start..<(index + 1))
                (start, weight) = (index + 1, 0)
            }
        }
        if start < entries.count { ranges.append(start..<entries.count) }
        return ranges
    }

    /// One path in 256, by the FNV-1a hash of its bytes. Any rule would do: it is the writer's choice alone.
    private static func endsPage(_ path: [UInt8]) -> Bool {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash >> 56 == 0
    }

    /// A manifest whose pack has no name yet.
    struct Built {
        let root: ManifestRoot
        let packs: [PackUse]
        let entries: [Entry]
        let rootBlob: BlobReference
        let listBlob: BlobReference
        let pagesOffset: Int

        /// The manifest as it is in its finished pack.
        func manifest(in pack: FinishedPack) -> Result<Manifest, FormatError> {
            let place = Commit.ManifestPlace(
                pack: pack.digest, packSize: pack.bytes.readableBytes, pages: pagesOffset,
                root: rootBlob.moved(from: Pack.own, to: pack.digest),
                packList: listBlob.moved(from: Pack.own, to: pack.digest))
            return Result { () throws(FormatError) in
                try Manifest(
                    place: place, root: root.moved(from: Pack.own, to: pack.digest), packs: packs,
                    entries: entries.map { $0.moved(from: Pack.own, to: pack.digest) })
            }
        }
    }

    /// Appends the new pages, the pack list and the root to a pack.
    /// - Parameter packSizes: of all packs that the files lie in, but for the pack itself.
    func append(to pack: inout OpenPack, packSizes: [Digest: Int64]) -> Built {
        let start = pack.bytes.readableBytes
        var added: [Digest: BlobReference] = [:]
        var group: [(digest: Digest, content: ByteBuffer)] = []
        var size = 0
        func close() {
            guard !group.isEmpty else { return }
            for blob in pack.append(EncodedFrame(group)) { added[blob.digest] = blob }
            (group, size) = ([], 0)
        }
        for case .new(let bytes, _) in pages {
            if size + bytes.readableBytes > 1 << 20 { close() }
            group.append((Digest(of: bytes), bytes))
            size += bytes.readableBytes
        }
        close()

        var root = ManifestRoot()
        var files: [Entry] = []
        for page in pages {
            switch page {
            case .stored(let blob, let entries):
                root.pages.append(ManifestRoot.Page(blob: blob, files: entries.count))
                files += entries
            case .new(let bytes, let entries):
                guard let blob = added[Digest(of: bytes)] else { continue }
                root.pages.append(ManifestRoot.Page(blob: blob, files: entries.count))
                files += entries
            }
        }
        root.files = files.count
        root.bytes = files.reduce(0) { $0 + $1.size }
        let packs = Self.uses(root, files, packSizes)
        let documents = [PackList.encode(packs), root.encode()]
        let blobs = documents.map { pack.append(EncodedFrame([(Digest(of: $0), $0)]))[0] }
        return Built(
            root: root, packs: packs, entries: files, rootBlob: blobs[1], listBlob: blobs[0], pagesOffset: start)
    }

    /// The packs that a snapshot needs, in the order of their digests. Its own comes first, with a size of 0.
    private static func uses(
        _ root: ManifestRoot, _ entries: [Entry], _ sizes: [Digest: Int64]
    ) -> [PackUse] {
        var frames = Set(root.pages.map(\.blob.frame))
        var used: [Digest: Int64] = [Pack.own: 0]
        for entry in entries {
            for blob in entry.references { frames.insert(blob.frame) }
            // Which of their bytes are in use, only the lists know; they count as used.
            if case .chunkLists(_, let packs) = entry.content {
                for pack in packs { used[pack] = sizes[pack] ?? 0 }
            }
        }
        for frame in frames { used[frame.pack, default: 0] += Int64(frame.storedLength) }
        return used.sorted { $0.key < $1.key }.map { pack, used in
            let size = pack == Pack.own ? 0 : sizes[pack] ?? 0
            return PackUse(pack: pack, size: size, used: pack == Pack.own ? 0 : min(used, size))
        }
    }
}
