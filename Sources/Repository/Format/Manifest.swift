import Basics
import FileIO
import NIOCore
import ObjectStore

/// The complete description of a snapshot: every file, and where its content is.
public struct Manifest: Sendable {
    let place: Commit.ManifestPlace
    let root: ManifestRoot
    /// The packs that the snapshot needs; the one of the manifest is called ``Pack/own``.
    let packs: [PackUse]
    /// In the byte order of their paths.
    public let entries: [Entry]
    /// The documents of the manifest as they are stored, if it was read: root, pack list if there is one, pages.
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
    init(
        place: Commit.ManifestPlace, root: ManifestRoot, packs: [PackUse], entries: [Entry]
    ) throws(FormatError) {
        self.place = place
        self.root = root
        self.packs = packs
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
        var sizes: [Digest: Int64] = [:]
        for use in packs {
            if use.pack == Pack.own { sizes[place.pack] = Int64(place.packSize) } else { sizes[use.pack] = use.size }
        }
        return sizes
    }

    /// The packs that the snapshot needs, each with the number of bytes of it that are in use.
    public var packUses: [(pack: Digest, used: Int64)] {
        var used: [Digest: Int64] = [:]
        for use in packs where use.pack != Pack.own { used[use.pack] = use.used }
        used[place.pack] = frames.reduce(0) { $0 + ($1.pack == place.pack ? Int64($1.storedLength) : 0) }
        return used.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Every frame that the snapshot itself refers to; those of chunks that stand in chunk lists come on top.
    var frames: Set<FrameLocation> {
        var frames = Set(root.pages.map(\.blob.frame) + [place.root.frame])
        if let list = place.packList { frames.insert(list.frame) }
        for entry in entries { for blob in entry.references { frames.insert(blob.frame) } }
        return frames
    }
}

extension Repository {
    /// For so many files there is room from the start.
    private static let expectedFiles = 1 << 15

    /// Reads a snapshot's manifest: one request for root, pack list and the pages that were written with them, and one for
    /// each older pack that holds further pages.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``.
    public func manifest(of snapshot: Snapshot) async throws -> Manifest {
        let place = snapshot.commit.manifest
        let key = key(ofPack: place.pack)
        // The pages that came with the root lie before it. Which they are says only the root, so all bytes are taken.
        let region = try await region(of: place)
        do {
            let rootBytes = try region.blob(place.root)
            let root = try ManifestRoot.decode(rootBytes).moved(from: Pack.own, to: place.pack)
            let listBytes = try place.packList.map(region.blob)
            let packs = try Self.packs(root, listBytes)
            var byDigest: [Digest: ByteBuffer] = [:]
            var content: (frame: FrameLocation, content: FrameContent)?
            for blob in root.pages.map(\.blob) where region.has(blob) {
                if content?.frame != blob.frame { content = (blob.frame, try region.content(of: blob.frame)) }
                byDigest[blob.digest] = try content?.content.blob(blob)
            }
            let others = root.pages.map(\.blob).filter { !region.has($0) }
            if !others.isEmpty { byDigest.merge(try await readBlobs(others)) { $1 } }
            // What a root says is not believed: a page that is named again and again is found out of order at once, before it
            // fills the memory.
            var entries: [Entry] = []
            entries.reserveCapacity(min(root.files, root.pages.count * ManifestPage.maxEntries, Self.expectedFiles))
            for page in root.pages {
                try Manifest.add(page, byDigest[page.blob.digest] ?? ByteBuffer(), to: &entries)
            }
            var manifest = try Manifest(place: place, root: root, packs: packs, entries: entries)
            manifest.stored =
                [rootBytes] + [listBytes].compactMap(\.self)
                + root.pages.map { byDigest[$0.blob.digest] ?? ByteBuffer() }
            return manifest
        } catch let error as FormatError {
            throw error.about(key)
        }
    }

    /// Reads the list of the packs that a snapshot needs, and nothing of its files; in format 1, the root has it.
    func packs(of snapshot: Snapshot) async throws -> [PackUse] {
        let place = snapshot.commit.manifest
        guard let list = place.packList else { return try await root(of: snapshot).packs }
        let bytes = try await readBlobs([list])[list.digest] ?? ByteBuffer()
        do throws(FormatError) { return try PackList.decode(bytes) } catch {
            throw error.about(key(ofPack: place.pack))
        }
    }

    /// Reads root and pack list of a manifest with one request.
    func root(of snapshot: Snapshot) async throws -> (root: ManifestRoot, packs: [PackUse]) {
        let place = snapshot.commit.manifest
        let blobs = try await readBlobs([place.packList, place.root].compactMap(\.self))
        do throws(FormatError) {
            let root = try ManifestRoot.decode(blobs[place.root.digest] ?? ByteBuffer())
                .moved(from: Pack.own, to: place.pack)
            return (root, try Self.packs(root, place.packList.flatMap { blobs[$0.digest] }))
        } catch {
            throw error.about(key(ofPack: place.pack))
        }
    }

    static func packs(_ root: ManifestRoot, _ list: ByteBuffer?) throws(FormatError) -> [PackUse] {
        if let list { return try PackList.decode(list) }
        guard let packs = root.packs else { throw FormatError("the manifest has no list of packs") }
        return packs
    }

    /// Reads from the first page that was written with a root to the end of the root; from the start of the pack, if that is
    /// near.
    private func region(of place: Commit.ManifestPlace) async throws -> PackRegion {
        let key = key(ofPack: place.pack)
        let range = (place.pages < Pack.checkedStart ? 0 : place.pages)..<place.root.frame.range.upperBound
        let content = try await open(key, range)
        let bytes = try await content.collect(upTo: range.count)
        if range.lowerBound == 0 {
            do throws(FormatError) { try Pack.checkHeader(bytes) } catch { throw error.about(key) }
        }
        guard bytes.readableBytes == range.count else {
            throw RepositoryError.damaged(key, "it ends before byte \(range.upperBound)")
        }
        return PackRegion(pack: place.pack, key: key, start: range.lowerBound, bytes: bytes)
    }
}

/// A part of a pack in memory.
private struct PackRegion {
    let pack: Digest
    let key: ObjectKey
    /// Where it begins in the pack.
    let start: Int
    let bytes: ByteBuffer

    func has(_ blob: BlobReference) -> Bool {
        blob.frame.pack == pack && blob.frame.offset >= start
            && blob.frame.range.upperBound - start <= bytes.readableBytes
    }

    func content(of frame: FrameLocation) throws(RepositoryError) -> FrameContent {
        guard frame.offset >= start,
            let slice = bytes.getSlice(at: bytes.readerIndex + frame.offset - start, length: frame.storedLength)
        else { throw .damaged(key, "a part of the manifest lies outside of it") }
        return try StoredFrame(location: frame, bytes: slice, key: key).expand()
    }

    func blob(_ blob: BlobReference) throws(RepositoryError) -> ByteBuffer { try content(of: blob.frame).blob(blob) }
}

// MARK: A copy on this machine

extension Manifest {
    /// The manifest as bytes, to be kept on this machine.
    public func encoded() -> ByteBuffer {
        var writer = FieldWriter()
        let list = place.packList == nil ? nil : PackList.encode(packs)
        let documents =
            stored
            ?? [root.moved(from: place.pack, to: Pack.own).encode()] + [list].compactMap(\.self)
            + zip(root.pages, pages).map { page, entries in
                ManifestPage.encode(entries.lazy.map { $0.moved(from: page.blob.frame.pack, to: Pack.own) })
            }
        writer.header("HFMC", version: DocumentVersion.keptManifest)
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
        let place = snapshot.commit.manifest
        do throws(FormatError) {
            var documents = try Self.documents(bytes)[...]
            guard let first = documents.popFirst(), Digest(of: first) == place.root.digest else { return nil }
            let root = try ManifestRoot.decode(first).moved(from: Pack.own, to: place.pack)
            var list: ByteBuffer?
            if let listed = place.packList {
                list = documents.popFirst()
                guard let list, Digest(of: list) == listed.digest else { return nil }
            }
            guard root.pages.count == documents.count else { return nil }
            var entries: [Entry] = []
            for (page, document) in zip(root.pages, documents) {
                guard Digest(of: document) == page.blob.digest else { return nil }
                try Self.add(page, document, to: &entries)
            }
            try self.init(place: place, root: root, packs: try Repository.packs(root, list), entries: entries)
        } catch {
            return nil
        }
    }

    private static func documents(_ bytes: ByteBuffer) throws(FormatError) -> [ByteBuffer] {
        try reading(bytes) { (reader) throws(FormatError) in
            try reader.header("HFMC", known: 1...DocumentVersion.keptManifest)
            var documents: [ByteBuffer] = []
            for _ in 0..<(try reader.count(ofAtLeast: 1)) {
                documents.append(ByteBuffer(bytes: try reader.bytes(try reader.count(ofAtLeast: 1))))
            }
            try reader.end()
            return documents
        }
    }
}
