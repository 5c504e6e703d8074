import FileIO
import NIOCore
import ObjectStore

/// The complete description of a snapshot: every file, and where its content is.
public struct Manifest: Sendable {
    let place: Commit.ManifestPlace
    let root: ManifestRoot
    /// The files of each page of ``root``.
    let pages: [[Entry]]
    /// The root and the pages as they are stored, if the manifest was read.
    fileprivate var stored: [ByteBuffer]?

    /// In the byte order of their paths.
    public var entries: [Entry] { pages.flatMap(\.self) }
    /// The file at a path.
    public func entry(_ path: RelativePath) -> Entry? {
        for page in pages {
            guard let last = page.last, !(last.path < path) else { continue }
            return page.first { $0.path == path }
        }
        return nil
    }

    /// Files in the snapshot.
    public var fileCount: Int { root.files }
    /// The sum of their sizes.
    public var byteCount: Int64 { root.bytes }

    /// - Throws: ``FormatError`` unless the pages are those of the root.
    init(place: Commit.ManifestPlace, root: ManifestRoot, pages: [[Entry]]) throws(FormatError) {
        self.place = place
        self.root = root
        self.pages = pages
        guard pages.count == root.pages.count, zip(pages, root.pages).allSatisfy({ $0.count == $1.files }) else {
            throw FormatError("the manifest's pages do not have the files that its root says")
        }
        var last: Entry?
        var bytes: Int64 = 0
        for page in pages {
            if let last, let first = page.first, !(last.path < first.path) {
                throw FormatError("the manifest's pages are out of order")
            }
            last = page.last ?? last
            for entry in page { bytes &+= entry.size }
        }
        guard pages.reduce(0, { $0 + $1.count }) == root.files, bytes == root.bytes else {
            throw FormatError("the manifest's files do not add up to what its root says")
        }
    }

    /// The packs that the snapshot needs, each with its size in bytes.
    var packSizes: [Digest: Int64] {
        let own = Digest(hex: place.pack) ?? Pack.own
        var sizes: [Digest: Int64] = [:]
        for use in root.packs {
            if use.pack == Pack.own { sizes[own] = Int64(place.packSize) } else { sizes[use.pack] = use.size }
        }
        return sizes
    }

    /// Every frame that the snapshot itself refers to; those of chunks that stand in chunk lists come on top.
    var frames: Set<FrameLocation> {
        var frames = Set(root.pages.map(\.blob.frame))
        if let root = place.root { frames.insert(root.frame) }
        for page in pages { for entry in page { for blob in entry.references { frames.insert(blob.frame) } } }
        return frames
    }
}

extension Repository {
    /// Reads a snapshot's manifest: one request for the root and the pages that were written with it, and one for each
    /// older pack that holds further pages.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``.
    public func manifest(of snapshot: Snapshot) async throws -> Manifest {
        let place = snapshot.commit.manifest
        guard let rootBlob = place.root else { throw RepositoryError.damaged(key(of: snapshot.name), "no manifest") }
        let pack = rootBlob.frame.pack
        let key = key(ofPack: pack)
        // The pages that came with the root lie before it. Which they are says only the root, so all bytes are taken.
        let region = try await region(of: place, key)
        do {
            let rootBytes = try Self.blob(rootBlob, in: region, from: place.pages, key)
            let root = try ManifestRoot.decode(rootBytes).moved(from: Pack.own, to: pack)
            var byDigest: [Digest: ByteBuffer] = [:]
            let isHere = { (blob: BlobReference) in blob.frame.pack == pack && blob.frame.offset >= place.pages }
            var content: (frame: FrameLocation, content: FrameContent)?
            for blob in root.pages.map(\.blob) where isHere(blob) {
                if content?.frame != blob.frame {
                    content = (blob.frame, try Self.content(of: blob.frame, in: region, from: place.pages, key))
                }
                byDigest[blob.digest] = try content?.content.blob(blob)
            }
            let others = root.pages.map(\.blob).filter { !isHere($0) }
            if !others.isEmpty { byDigest.merge(try await readBlobs(others)) { $1 } }
            var pages: [[Entry]] = []
            for page in root.pages {
                let entries = try ManifestPage.decode(
                    byDigest[page.blob.digest] ?? ByteBuffer(), in: page.blob.frame.pack)
                // Now and not in the end: a page that is named again and again would fill the memory before.
                if let last = pages.last?.last, let first = entries.first, !(last.path < first.path) {
                    throw FormatError("the manifest's pages are out of order")
                }
                pages.append(entries)
            }
            var manifest = try Manifest(place: place, root: root, pages: pages)
            manifest.stored = [rootBytes] + root.pages.map { byDigest[$0.blob.digest] ?? ByteBuffer() }
            return manifest
        } catch let error as FormatError {
            throw error.about(key)
        }
    }

    /// Reads only the first part of a manifest.
    func root(of snapshot: Snapshot) async throws -> ManifestRoot {
        guard let blob = snapshot.commit.manifest.root else {
            throw RepositoryError.damaged(key(of: snapshot.name), "no manifest")
        }
        let bytes = try await readBlobs([blob])[blob.digest] ?? ByteBuffer()
        do throws(FormatError) {
            return try ManifestRoot.decode(bytes).moved(from: Pack.own, to: blob.frame.pack)
        } catch {
            throw error.about(key(ofPack: blob.frame.pack))
        }
    }

    /// The bytes from the first page that was written with a root to the end of the root.
    private func region(of place: Commit.ManifestPlace, _ key: ObjectKey) async throws -> ByteBuffer {
        let range = place.pages..<(place.offset + place.storedLength)
        let content = try await open(key, range)
        let bytes = try await content.collect(upTo: range.count)
        guard bytes.readableBytes == range.count else {
            throw RepositoryError.damaged(key, "it ends before byte \(range.upperBound)")
        }
        return bytes
    }

    private static func content(
        of frame: FrameLocation, in region: ByteBuffer, from start: Int, _ key: ObjectKey
    ) throws(RepositoryError) -> FrameContent {
        guard frame.offset >= start,
            let bytes = region.getSlice(
                at: region.readerIndex + frame.offset - start, length: frame.storedLength)
        else { throw .damaged(key, "a page of the manifest lies outside of it") }
        return try StoredFrame(location: frame, bytes: bytes, key: key).expand()
    }

    private static func blob(
        _ blob: BlobReference, in region: ByteBuffer, from start: Int, _ key: ObjectKey
    ) throws(RepositoryError) -> ByteBuffer {
        try content(of: blob.frame, in: region, from: start, key).blob(blob)
    }
}

// MARK: A copy on this machine

extension Manifest {
    /// The manifest as bytes, to be kept on this machine.
    public func encoded() -> ByteBuffer {
        var writer = FieldWriter()
        let pack = Digest(hex: place.pack) ?? Pack.own
        let documents =
            stored
            ?? [root.moved(from: pack, to: Pack.own).encode()]
            + zip(root.pages, pages).map { page, entries in
                ManifestPage.encode(entries.lazy.map { $0.moved(from: page.blob.frame.pack, to: Pack.own) })
            }
        writer.header("HFMC")
        writer.number(documents.count)
        for document in documents {
            writer.number(document.readableBytes)
            writer.document(document)
        }
        return writer.buffer
    }

    /// Reads a manifest that was kept on this machine.
    /// - Returns: `nil` unless it is that of the snapshot, byte by byte.
    public init?(encoded bytes: ByteBuffer, of snapshot: Snapshot) {
        guard let rootBlob = snapshot.commit.manifest.root else { return nil }
        do throws(FormatError) {
            let documents = try reading(bytes) { (reader) throws(FormatError) in
                try reader.header("HFMC")
                var documents: [ByteBuffer] = []
                for _ in 0..<(try reader.count(ofAtLeast: 1)) {
                    documents.append(ByteBuffer(bytes: try reader.bytes(try reader.count(ofAtLeast: 1))))
                }
                try reader.end()
                return documents
            }
            guard let first = documents.first, Digest(of: first) == rootBlob.digest else { return nil }
            let root = try ManifestRoot.decode(first).moved(from: Pack.own, to: rootBlob.frame.pack)
            guard root.pages.count == documents.count - 1 else { return nil }
            var pages: [[Entry]] = []
            for (page, document) in zip(root.pages, documents.dropFirst()) {
                guard Digest(of: document) == page.blob.digest else { return nil }
                pages.append(try ManifestPage.decode(document, in: page.blob.frame.pack))
            }
            try self.init(place: snapshot.commit.manifest, root: root, pages: pages)
        } catch {
            return nil
        }
    }
}

extension ManifestRoot {
    /// The same root where a pack is called by another name. Sizes in ``packs`` stay with the stored name.
    func moved(from pack: Digest, to other: Digest) -> ManifestRoot {
        var copy = self
        copy.pages = pages.map { Page(blob: $0.blob.moved(from: pack, to: other), files: $0.files) }
        return copy
    }
}

extension Manifest {
    /// The packs that the snapshot needs, each with the number of bytes of it that are in use.
    public var packUses: [(pack: Digest, used: Int64)] {
        var used: [Digest: Int64] = [:]
        for use in root.packs where use.pack != Pack.own { used[use.pack] = use.used }
        if let own = place.root?.frame.pack {
            used[own] = frames.reduce(0) { $0 + ($1.pack == own ? Int64($1.storedLength) : 0) }
        }
        return used.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
