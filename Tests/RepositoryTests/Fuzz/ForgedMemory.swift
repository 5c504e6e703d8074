import FileIO
import Logging
import NIOCore
import ObjectStore
import TestSupport

@testable import Repository

/// A memory of one commit, made by hand by somebody who may write to the store: every name and hash is right, whatever
/// the documents say. So what lies behind the hashes is looked at, too.
struct ForgedMemory {
    static let files = 12

    let store = MemoryObjectStore()
    let repository: Repository
    /// What the files hold.
    private(set) var contents: [ByteBuffer] = []

    init() {
        repository = Repository(
            store: store, memory: "memory", repository: "owner/repo", agent: "local",
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Stores the memory.
    /// - Parameters:
    ///   - format: of the commit and of the root.
    ///   - entries: changes the files.
    ///   - pages: changes what the root says.
    ///   - page: changes the fields of a page.
    ///   - list: changes the fields of a chunk list.
    ///   - root: changes the fields of the root.
    ///   - packs: changes the fields of the pack list.
    ///   - commit: changes the commit.
    mutating func write(
        format: Int = 2, entries changeEntries: (inout [Entry]) -> Void = { _ in },
        pages changePages: (inout ManifestRoot) -> Void = { _ in },
        page change: (inout Fields) -> Void = { _ in }, list changeList: (inout Fields) -> Void = { _ in },
        root changeRoot: (inout Fields) -> Void = { _ in }, packs changePacks: (inout Fields) -> Void = { _ in },
        commit changeCommit: (inout Commit) -> Void = { _ in }
    ) async throws {
        contents = (0..<Self.files).map { ByteBuffer(repeating: UInt8($0 + 1), count: 1000 * ($0 + 1)) }
        var first = OpenPack(salt: (1, 2))
        for group in [contents[0..<6], contents[6..<12]] {
            first.append(EncodedFrame(group.map { (Digest(of: $0), $0) }))
        }
        let older = try await put(first)
        let blobs = older.blobs
        var pack = OpenPack(salt: (3, 4))
        var list = Fields.chunkList(Array(blobs[8..<10]))
        changeList(&list)
        let lists = pack.append(EncodedFrame([(Digest(of: list.bytes), list.bytes)]))

        var entries = (0..<8).map { entry("dir/file-\($0)", .blob(blobs[$0]), blobs[$0].digest, [blobs[$0]]) }
        entries.append(entry("empty", .empty, emptyDigest, []))
        entries.append(
            entry(
                "large", .chunkLists(lists, packs: [older.digest]), digest(of: contents[8..<10]), Array(blobs[8..<10])))
        entries.append(
            entry("middle", .chunks(Array(blobs[10..<12])), digest(of: contents[10..<12]), Array(blobs[10..<12])))
        changeEntries(&entries)
        let start = pack.bytes.readableBytes
        var root = ManifestRoot()
        for part in [entries[..<5], entries[5...]] {
            var page = Fields.page(Array(part))
            change(&page)
            let blob = pack.append(EncodedFrame([(Digest(of: page.bytes), page.bytes)]))[0]
            root.pages.append(ManifestRoot.Page(blob: blob, files: part.count))
        }
        root.files = entries.count
        root.bytes = entries.reduce(0) { $0 + $1.size }
        let size = Int64(older.bytes.readableBytes)
        let uses = [
            PackUse(pack: Pack.own, size: 0, used: 0),
            PackUse(pack: older.digest, size: size, used: size - Int64(Pack.headerLength)),
        ]
        if format == 1 { root.packs = uses }
        var packs = Fields.packList(uses)
        changePacks(&packs)
        let packsBlob = pack.append(EncodedFrame([(Digest(of: packs.bytes), packs.bytes)]))[0]
        changePages(&root)
        var rootFields = Fields.root(root)
        changeRoot(&rootFields)
        let rootBlob = pack.append(EncodedFrame([(Digest(of: rootFields.bytes), rootFields.bytes)]))[0]
        let finished = try await put(pack)

        var commit = Commit.forged(
            sequence: 1,
            manifest: Commit.ManifestPlace(
                pack: finished.digest, packSize: finished.bytes.readableBytes, pages: start,
                root: rootBlob.moved(from: Pack.own, to: finished.digest),
                packList: packsBlob.moved(from: Pack.own, to: finished.digest)))
        changeCommit(&commit)
        if format == 1 { commit.format = 1 }
        try await put(commit, as: CommitName(sequence: 1))
    }

    private func put(_ pack: OpenPack) async throws -> FinishedPack {
        let finished = pack.finish()
        try await store.put(repository.key(ofPack: finished.digest), .bytes(finished.bytes), .overwrite)
        return finished
    }

    /// Stores a commit under any name, in its format.
    @discardableResult
    func put(_ commit: Commit, as name: CommitName) async throws -> Commit.Reference {
        let bytes = commit.format == 1 ? try commit.format1() : try commit.encode()
        try await store.put(repository.key(of: name), .bytes(bytes), .overwrite)
        return Commit.Reference(name: name, id: Digest(of: bytes))
    }

    private func entry(
        _ path: String, _ content: Entry.Content, _ digest: Digest, _ chunks: [BlobReference]
    ) -> Entry {
        Entry(
            path: RelativePath(listed: Array(path.utf8), in: nil), mode: 0o600, modified: 1, size: total(chunks),
            digest: digest, content: content)
    }

    private func digest(of parts: ArraySlice<ByteBuffer>) -> Digest {
        Digest(of: parts.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) })
    }
}

extension Commit {
    static func forged(
        sequence: UInt64, nonce: String = String(repeating: "0", count: 32), agent: String = "local",
        memory: String = String(repeating: "a", count: 32), parents: [Reference] = [], sides: [Reference] = [],
        isSide: Bool = false, ancestors: [Ancestor] = [], passedOver: [PassedOver] = [], manifest: ManifestPlace
    ) -> Commit {
        Commit(
            seq: sequence, nonce: nonce, memory: memory, agent: agent, repository: "owner/repo", parents: parents,
            sides: sides, isSide: isSide, ancestors: ancestors, passedOver: passedOver, manifest: manifest,
            store: StoreTrait(createOnly: true, location: ""), writer: "test", time: "2026-01-01T00:00:00.000Z",
            files: 11, bytes: 78_000, newBytes: 1)
    }
}
