import Basics
import FileIO
import NIOCore
import ObjectStore

/// The complete description of a snapshot: every file, and where its content is.
public struct Manifest: Sendable {
    let place: Commit.ManifestPlace
    let root: ManifestRoot
    /// In the byte order of their paths.
    public let entries: [Entry]
    /// The root and the pages as they are stored, if the manifest was read.
    fileprivate var stored: [ByteBuffer]?

    /// The files of each page of ``root``.
    var pages: [ArraySlice<Entry>] {
        var start = 0
        return root.pages.map { page in
            defer { start += page.files }
            return entries[start..<(start + page.files)]
        }
    }
    /// The file at a path.
    public func entry(_ path: RelativePath) -> Entry? {
        let index = entries.firstIndex(notBelow: { $0.path < path })
        return index < entries.count && entries[index].path == path ? entries[index] : nil
    }

    /// Files in the snapshot.
    public var fileCount: Int { root.files }
    /// The sum of their sizes.
    public var byteCount: Int64 { root.bytes }

    /// - Parameter entries: those of all pages, in order; of each page as many as the root says.
    /// - Throws: ``FormatError`` unless they add up to what the root says.
    init(place: Commit.ManifestPlace, root: ManifestRoot, entries: [Entry]) throws(FormatError) {
        self.place = place
        self.root = root
        self.entries = entries
        let isComplete = entries.count == root.files && root.pages.reduce(0) { $0 &+ $1.files } == root.files
        guard isComplete, entries.reduce(0, { $0 &+ $1.size }) == root.bytes else {
            throw FormatError("the manifest's files do not add up to what its root says")
        }
    }

    /// Adds the files of a page to those of the pages before.
    /// - Throws: ``FormatError`` unless they are as many as the root says, and behind the others.
    fileprivate static func add(
        _ page: ManifestRoot.Page, _ bytes: ByteBuffer, to entries: inout [Entry]
    ) throws(FormatError) {
        let start = entries.count
        try ManifestPage.decode(bytes, in: page.blob.frame.pack, into: &entries)
        guard entries.count - start == page.files else {
            throw FormatError("the manifest's pages do not have the files that its root says")
        }
        guard start == 0 || start == entries.count || entries[start - 1].path < entries[start].path else {
            throw FormatError("the manifest's pages are out of order")
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
        for entry in entries { for blob in entry.references { frames.insert(blob.frame) } }
        return frames
    }
}

extension Repository {
    /// For so many files there is room from the start.
    private static let expectedFiles = 1 << 15

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
            // What a root says is not believed: a page that is named again and again is found out of order at once, before it
            // fills the memory.
            var entries: [Entry] = []
            entries.reserveCapacity(min(root.files, root.pages.count * ManifestPage.maxEntries, Self.expectedFiles))
            for page in root.pages {
                try Manifest.add(page, byDigest[page.blob.digest] ?? ByteBuffer(), to: &entries)
            }
            var manifest = try Manifest(place: place, root: root, entries: entries)
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
            var entries: [Entry] = []
            for (page, document) in zip(root.pages, documents.dropFirst()) {
                guard Digest(of: document) == page.blob.digest else { return nil }
                try Self.add(page, document, to: &entries)
            }
            try self.init(place: snapshot.commit.manifest, root: root, entries: entries)
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
