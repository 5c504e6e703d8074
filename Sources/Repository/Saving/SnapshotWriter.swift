import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

/// A file whose content was handed to a ``SnapshotWriter``.
public struct NewFile: Sendable {
    /// A piece of the content.
    public struct Chunk: Sendable, Equatable {
        public let digest: Digest
        /// In bytes.
        public let length: Int

        public init(digest: Digest, length: Int) {
            self.digest = digest
            self.length = length
        }
    }

    public let facts: FileFacts
    let mode: UInt32
    let chunks: [Chunk]

    /// - Parameters:
    ///   - mode: the nine permission bits.
    ///   - modified: nanoseconds since 1970.
    ///   - digest: of the whole content.
    ///   - chunks: the content in order; empty for an empty file, one for a file that is a single blob.
    public init(path: RelativePath, mode: UInt32, modified: Int64, digest: Digest, chunks: [Chunk]) {
        let size = chunks.reduce(0) { $0 + Int64($1.length) }
        self.mode = mode & 0o777
        facts = FileFacts(path: path, modified: modified, size: size, digest: digest)
        self.chunks = chunks
    }
}

/// Puts blobs into packs and uploads them; in the end, the manifest that refers to them.
///
/// Several tasks may write at a time. A pack is uploaded by the task that fills it, so that reading, compressing and
/// uploading go on side by side while no more than one pack for each task is in memory.
public final class SnapshotWriter: Sendable {
    private struct State {
        var open: OpenPack
        /// Blobs of the newest snapshots, those in finished packs of this save, and those that this save is going to write.
        var blobs: BlobTable
        /// Sizes of the packs that the newest snapshots or this save have.
        var packSizes: [Digest: Int64]
        var uploaded: Int64 = 0
    }

    let repository: Repository
    /// The snapshots that the save builds upon.
    public let newest: Newest
    /// Manifests of other snapshots that are kept.
    public let others: [Manifest]
    /// When the store was asked for those snapshots.
    private let started: Moment
    /// Packs whose blobs are written anew.
    private let abandoned: Set<Digest>
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - newest: the snapshots of now. Only what they refer to is taken for stored: an older one may be pruned meanwhile.
    ///   - others: manifests of other snapshots that were there after the save had begun: a prune lets what they refer to go
    ///     no earlier than a grace later, so the state may refer to it as well.
    ///   - abandoned: packs whose blobs shall be written anew.
    public init(
        _ repository: Repository, upon newest: Newest, and others: [Manifest] = [],
        abandoning abandoned: Set<Digest> = []
    ) {
        self.repository = repository
        self.newest = newest
        started = newest.heads.asked ?? repository.environment.moment()
        var blobs = BlobTable()
        var sizes: [Digest: Int64] = [:]
        for manifest in newest.manifests {
            sizes.merge(manifest.packSizes) { first, _ in first }
            for entry in manifest.entries {
                if case .chunkLists = entry.content { continue }
                for blob in entry.references where !abandoned.contains(blob.frame.pack) { blobs.insert(blob) }
            }
        }
        for other in others {
            sizes.merge(other.packSizes) { first, _ in first }
            for entry in other.entries {
                if case .chunkLists = entry.content { continue }
                for blob in entry.references where !abandoned.contains(blob.frame.pack) && blobs[blob.digest] == nil {
                    blobs.insert(blob)
                }
            }
        }
        self.abandoned = abandoned
        self.others = others
        let environment = repository.environment
        state = NIOLockedValueBox(
            State(
                open: OpenPack(salt: (environment.random(), environment.random())), blobs: blobs,
                packSizes: sizes))
    }

    /// Bytes of the packs that were uploaded so far.
    public var uploadedBytes: Int64 { state.withLockedValue { $0.uploaded } }

    /// How long ago it was found out what the save may refer to.
    var age: Duration { repository.environment.age(of: started) }

    /// Whether a blob has to be written. Asks for a blob once: the first to ask must write it.
    public func claim(_ digest: Digest) -> Bool {
        state.withLockedValue { $0.blobs.claim(digest) }
    }

    /// Takes further blobs of the newest snapshots for stored: the chunk lists of a large file, and what they name.
    ///
    /// A list whose chunks are where they were is the same bytes, so a small change of a large file writes few of them.
    /// - Parameters:
    ///   - entry: the file.
    ///   - chunks: as its lists name them. Only who has read the lists can know that they are whole.
    public func know(_ entry: Entry, chunks: [BlobReference]) {
        state.withLockedValue { state in
            for blob in chunks + entry.references
            where !abandoned.contains(blob.frame.pack) && state.blobs[blob.digest] == nil {
                state.blobs.insert(blob)
            }
        }
    }

    /// The same file, with those of its blobs that were written anew in their new place.
    func relocated(_ entry: Entry) -> Entry {
        guard entry.references.contains(where: { abandoned.contains($0.frame.pack) }) else { return entry }
        func moved(_ blobs: [BlobReference]) -> [BlobReference] {
            blobs.map { abandoned.contains($0.frame.pack) ? locate($0.digest) ?? $0 : $0 }
        }
        let content: Entry.Content =
            switch entry.content {
            case .empty: .empty
            case .blob(let blob): .blob(moved([blob])[0])
            case .chunks(let blobs): .chunks(moved(blobs))
            case .chunkLists(let blobs, let packs): .chunkLists(blobs, packs: packs)
            }
        return Entry(
            path: entry.path, mode: entry.mode, modified: entry.modified, size: entry.size, digest: entry.digest,
            content: content)
    }

    /// Compresses blobs together; see ``EncodedFrame``.
    /// - Parameter blobs: none empty; together at most ``FrameLocation/maxLength``.
    public static func encode(_ blobs: [(digest: Digest, content: ByteBuffer)]) -> EncodedFrame { EncodedFrame(blobs) }

    /// Adds a frame to the open pack. If that is full, the pack is uploaded first.
    /// - Throws: ``StoreError``.
    public func write(_ frame: EncodedFrame) async throws {
        let full: FinishedPack? = state.withLockedValue { state in
            let full = state.open.hasRoom(for: frame) ? nil : finish(&state)
            state.open.append(frame)
            return full
        }
        if let full { try await upload(full) }
    }

    /// Takes the open pack away and puts an empty one in its place.
    private func finish(_ state: inout State) -> FinishedPack? {
        guard !state.open.isEmpty else { return nil }
        let pack = state.open.finish()
        let environment = repository.environment
        state.open = OpenPack(salt: (environment.random(), environment.random()))
        return pack
    }

    /// Uploads a pack. Its name is that of its content, so writing it twice changes nothing.
    private func upload(_ pack: FinishedPack) async throws {
        let key = repository.key(ofPack: pack.digest)
        try await repository.store.put(key, .bytes(pack.bytes), .overwrite)
        state.withLockedValue { state in
            for blob in pack.blobs { state.blobs.insert(blob) }
            state.packSizes[pack.digest] = Int64(pack.bytes.readableBytes)
            state.uploaded += Int64(pack.bytes.readableBytes)
        }
    }

    private func flush() async throws {
        if let pack = state.withLockedValue({ finish(&$0) }) { try await upload(pack) }
    }

    // MARK: The manifest

    /// A file of the snapshot that is being made.
    enum Content: Sendable {
        case stored(Entry)
        case new(NewFile)

        var path: RelativePath {
            switch self {
            case .stored(let entry): entry.path
            case .new(let file): file.facts.path
            }
        }
    }

    /// Uploads everything that is still here and the manifest.
    /// - Parameters:
    ///   - files: in the order of their paths; all their blobs are written or were located.
    ///   - manifests: whose pages may be used again; of snapshots that are kept.
    /// - Returns: the manifest as it is stored.
    func writeManifest(_ files: [Content], reusing manifests: [Manifest]) async throws -> Manifest {
        try checkPaths(files.map(\.path))
        let lists = try await writeChunkLists(files)
        // The manifest goes into the pack of the newest files, unless that is nearly full.
        if state.withLockedValue({ $0.open.bytes.readableBytes > Pack.targetLength / 2 }) { try await flush() }
        let entries = files.map { entry($0, lists) }
        let plan = ManifestPlan(entries, reusing: manifests, except: abandoned)
        let (pack, built) = state.withLockedValue { state in
            // The files of others that were faster lie in packs that were not there when the save began.
            for manifest in manifests { state.packSizes.merge(manifest.packSizes) { known, _ in known } }
            let built = plan.append(to: &state.open, packSizes: state.packSizes)
            return (finish(&state), built)
        }
        guard let pack else { preconditionFailure("a pack with a root in it is not empty") }
        try await upload(pack)
        let manifest = built.manifest(in: pack)
        do throws(FormatError) { return try manifest.get() } catch {
            throw error.about(repository.key(ofPack: pack.digest))
        }
    }

    /// Uploads what is still here and says where a file is.
    /// - Parameter file: all its blobs are written or were located.
    func store(_ file: NewFile) async throws -> Entry {
        let lists = try await writeChunkLists([.new(file)])
        try await flush()
        return entry(.new(file), lists)
    }

    /// No reader takes a manifest in which a path occurs twice, or below a file.
    private func checkPaths(_ paths: [RelativePath]) throws(RepositoryError) {
        let all = Set(paths)
        for (path, next) in zip(paths, paths.dropFirst()) where path >= next {
            throw RepositoryError(.conflict, "'\(next)' occurs twice among the files to save; nothing was saved")
        }
        for path in paths {
            if let file = path.ancestors.first(where: all.contains) {
                throw RepositoryError(
                    .conflict, "'\(file)' is a file and a directory among the files to save; nothing was saved")
            }
        }
    }

    private func entry(_ file: Content, _ lists: [Digest: [BlobReference]]) -> Entry {
        switch file {
        case .stored(let entry): return relocated(entry)
        case .new(let file):
            let content: Entry.Content
            if file.chunks.isEmpty {
                content = .empty
            } else if let list = lists[file.facts.digest] {
                let packs = Set(file.chunks.compactMap { locate($0.digest)?.frame.pack }).sorted()
                content = .chunkLists(list.map { locate($0.digest) ?? $0 }, packs: packs)
            } else {
                let blobs = file.chunks.map { chunk -> BlobReference in
                    guard let blob = locate(chunk.digest) else {
                        preconditionFailure("a blob of '\(file.facts.path)' was claimed and not written")
                    }
                    return blob
                }
                content = blobs.count == 1 ? .blob(blobs[0]) : .chunks(blobs)
            }
            return Entry(
                path: file.facts.path, mode: file.mode, modified: file.facts.modified, size: file.facts.size,
                digest: file.facts.digest, content: content)
        }
    }

    /// Files of more chunks than this get chunk lists.
    private static let mostChunks = 64

    /// Writes the chunk lists of the files that need them.
    /// - Returns: for each digest of such a file, its lists.
    private func writeChunkLists(_ files: [Content]) async throws -> [Digest: [BlobReference]] {
        var large: [NewFile] = []
        for case .new(let file) in files where file.chunks.count > Self.mostChunks { large.append(file) }
        guard !large.isEmpty else { return [:] }
        // A list names the packs of its chunks, so these have to be complete; only then can it go into another pack.
        try await flush()
        var found: [Digest: [BlobReference]] = [:]
        for file in large where found[file.facts.digest] == nil {
            var lists: [BlobReference] = []
            for start in stride(from: 0, to: file.chunks.count, by: ChunkList.length) {
                let part = file.chunks[start..<min(start + ChunkList.length, file.chunks.count)]
                let bytes = ChunkList.encode(part.compactMap { locate($0.digest) })
                let digest = Digest(of: bytes)
                if claim(digest) { try await write(EncodedFrame([(digest, bytes)])) }
                if let list = locate(digest) { lists.append(list) }
            }
            found[file.facts.digest] = lists
        }
        return found
    }

    /// Where a blob is: in a finished pack, or in the open one.
    private func locate(_ digest: Digest) -> BlobReference? {
        state.withLockedValue { state in
            state.blobs[digest] ?? state.open.blob(digest)
        }
    }
}
