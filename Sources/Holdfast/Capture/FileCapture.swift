import AgentDatabase
import AgentFiles
import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// Reads files and hands their content to a writer: small files together, large ones in chunks.
final class FileCapture: Sendable {
    /// Up to here a file is one blob; longer ones are cut into chunks of this length, in bytes.
    static let chunkLength = 1 << 20
    /// Small files are read and compressed together, about this many bytes at a time.
    static let batchLength = 1 << 20
    /// Batches at once: each may hold a batch, its compressed form and a full pack.
    static let batchesAtOnce = 3
    /// How often a file that is being written is read again.
    static let attempts = 3

    struct Outcome: Sendable {
        var files: [SaveRequest.File] = []
        var index: [FileIndex.Entry] = []
        var writtenFiles = 0
        var problems: [SyncResult.Problem] = []
        /// Files that are there but could not be read.
        var unreadable: [RelativePath] = []
        /// Databases in the storage directory itself: no copy of their bytes would be one state of them.
        var databases: [RelativePath] = []
    }

    private let workspace: Workspace
    private let writer: SnapshotWriter
    private let base: LocalState.Base?
    /// Files that are written although they did not change.
    private let moving: Set<RelativePath>
    /// What the newest snapshots have at each path.
    private let stored: [RelativePath: Set<Digest>]
    private let root: File
    private let collected = NIOLockedValueBox(Outcome())

    private init(
        _ workspace: Workspace, _ writer: SnapshotWriter, _ base: LocalState.Base?, _ moving: Set<RelativePath>,
        root: File
    ) {
        self.workspace = workspace
        self.writer = writer
        self.base = base
        self.moving = moving
        self.root = root
        var stored: [RelativePath: Set<Digest>] = [:]
        for manifest in writer.newest.manifests + writer.others {
            for entry in manifest.entries { stored[entry.path, default: []].insert(entry.digest) }
        }
        self.stored = stored
    }

    static func open(
        _ workspace: Workspace, _ writer: SnapshotWriter, _ base: LocalState.Base?, _ moving: Set<RelativePath>
    ) async throws -> FileCapture {
        let storage = workspace.storage
        let root = try await FileIO.run { try File.open(storage, [.read, .directory]) }
        return FileCapture(workspace, writer, base, moving, root: root)
    }

    var outcome: Outcome { collected.withLockedValue { $0 } }

    func run(_ files: [StorageScan.ScannedFile]) async throws {
        let small = files.filter { $0.status.size <= Self.chunkLength }
        try await forEachConcurrently(Self.batches(small), limit: Self.batchesAtOnce) { try await self.capture($0) }
        for file in files where file.status.size > Self.chunkLength { try await captureLarge(file) }
    }

    /// Files that follow each other, about ``batchLength`` bytes together.
    private static func batches(_ files: [StorageScan.ScannedFile]) -> [[StorageScan.ScannedFile]] {
        var batches: [[StorageScan.ScannedFile]] = []
        var size: Int64 = 0
        for file in files {
            if batches.isEmpty || size + file.status.size > batchLength {
                batches.append([])
                size = 0
            }
            batches[batches.count - 1].append(file)
            size += file.status.size
        }
        return batches
    }

    // MARK: Small files

    /// One file that was read.
    private enum Read: Sendable {
        case whole(RelativePath, FileStatus, ByteBuffer, Digest)
        case removed
        case failed(RelativePath, Failure)
    }

    private func capture(_ batch: [StorageScan.ScannedFile]) async throws {
        let (root, writer) = (root, writer)
        let (reads, frames) = try await FileIO.run { cancellation in
            var reads: [Read] = []
            var blobs: [(digest: Digest, content: ByteBuffer)] = []
            for file in batch {
                try cancellation.check()
                let read = Self.read(file.path, in: root)
                reads.append(read)
                guard case .whole(let path, _, let content, let digest) = read, content.readableBytes > 0,
                    !DatabaseScan.isDatabase(startingWith: content.readableBytesView), !self.isKnown(path, digest),
                    writer.claim(digest)
                else { continue }
                blobs.append((digest, content))
            }
            return (reads, Self.frames(blobs))
        }
        for frame in frames { try await writer.write(frame) }
        for read in reads { take(read) }
        workspace.progress.finished(files: batch.count, bytes: batch.reduce(0) { $0 + $1.status.size })
    }

    /// Compresses blobs together: in one frame, unless files have grown since they were counted.
    static func frames(_ blobs: [(digest: Digest, content: ByteBuffer)]) -> [EncodedFrame] {
        var groups: [ArraySlice<(digest: Digest, content: ByteBuffer)>] = []
        var (start, length) = (0, 0)
        for (index, blob) in blobs.enumerated() {
            if length + blob.content.readableBytes > FrameLocation.maxLength {
                groups.append(blobs[start..<index])
                (start, length) = (index, 0)
            }
            length += blob.content.readableBytes
        }
        groups.append(blobs[start...])
        return groups.filter { !$0.isEmpty }.map { SnapshotWriter.encode(Array($0)) }
    }

    /// Reads a file at one go; if it changes meanwhile, again.
    private static func read(_ path: RelativePath, in root: File) -> Read {
        for _ in 0..<attempts {
            do throws(FileError) {
                let file = try File.open(path.components, beneath: root, .read)
                let before = try file.status()
                guard before.kind == .regular else { return .failed(path, changing("it is no longer a file")) }
                guard before.size <= 8 * chunkLength else { continue }
                var content = ByteBuffer()
                content.reserveCapacity(Int(before.size))
                let count = try file.read(into: &content, count: Int(before.size), at: 0)
                guard count == Int(before.size), try file.status() == before else { continue }
                return .whole(path, before, content, Digest(of: content))
            } catch {
                return error.isNotFound ? .removed : .failed(path, error.failure)
            }
        }
        return .failed(path, changing("it changes all the time while it is read"))
    }

    private func take(_ read: Read) {
        switch read {
        case .removed: break
        case .failed(let path, let failure): fail(path, failure)
        case .whole(let path, _, let content, _)
        where DatabaseScan.isDatabase(startingWith: content.readableBytesView):
            collected.withLockedValue { $0.databases.append(path) }
        case .whole(let path, let status, let content, let digest):
            let chunks =
                content.readableBytes == 0 ? [] : [NewFile.Chunk(digest: digest, length: content.readableBytes)]
            add(path, status, digest, chunks)
        }
    }

    // MARK: Large files

    private func captureLarge(_ file: StorageScan.ScannedFile) async throws {
        for _ in 0..<Self.attempts {
            do {
                if try await isDatabase(file.path) {
                    collected.withLockedValue { $0.databases.append(file.path) }
                    return
                }
                if let (status, digest, chunks) = try await captureChunks(file.path) {
                    add(file.path, status, digest, chunks)
                    return
                }
            } catch let error as FileError {
                if !error.isNotFound { fail(file.path, error.failure) }
                return
            }
        }
        fail(file.path, Self.changing("it changes all the time while it is read"))
    }

    private func isDatabase(_ path: RelativePath) async throws -> Bool {
        let root = root
        return try await FileIO.run {
            var start = ByteBuffer()
            _ = try File.open(path.components, beneath: root, .read).read(into: &start, count: 16, at: 0)
            return DatabaseScan.isDatabase(startingWith: start.readableBytesView)
        }
    }

    /// Reads a file chunk by chunk. While one chunk is compressed and uploaded, the next is read.
    /// - Returns: `nil` if the file changed meanwhile.
    private func captureChunks(
        _ path: RelativePath
    ) async throws -> (status: FileStatus, digest: Digest, chunks: [NewFile.Chunk])? {
        let root = root
        let file = try await FileIO.run { try File.open(path.components, beneath: root, .read) }
        let before = try await FileIO.run { try file.status() }
        try await workspace.loadChunks(of: path, into: writer)
        var whole = DigestHasher()
        var chunks: [NewFile.Chunk] = []
        let writer = writer
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            for start in stride(from: Int64(0), to: before.size, by: Self.chunkLength) {
                let count = Int(min(Int64(Self.chunkLength), before.size - start))
                let hasher = whole
                let (content, digest, hashed) = try await FileIO.run {
                    var content = ByteBuffer()
                    content.reserveCapacity(count)
                    _ = try file.read(into: &content, count: count, at: start)
                    var hashed = hasher
                    hashed.update(content)
                    return (content, Digest(of: content), hashed)
                }
                guard content.readableBytes == count else { break }
                whole = hashed
                chunks.append(NewFile.Chunk(digest: digest, length: count))
                workspace.progress.finished(bytes: Int64(count))
                guard writer.claim(digest) else { continue }
                if running == Self.batchesAtOnce {
                    try await group.next()
                    running -= 1
                }
                group.addTask {
                    let frame = try await FileIO.run { SnapshotWriter.encode([(digest, content)]) }
                    try await writer.write(frame)
                }
                running += 1
            }
            while try await group.next() != nil {}
        }
        workspace.progress.finished(files: 1)
        guard try await FileIO.run({ try file.status() }) == before else { return nil }
        return (before, whole.digest, chunks)
    }

    // MARK: What came of it

    /// Whether the snapshot that the state was made from has this very content at this path.
    private func isKnown(_ path: RelativePath, _ digest: Digest) -> Bool {
        base?.index.entry(path)?.sha256 == digest && !moving.contains(path)
    }

    private func add(_ path: RelativePath, _ status: FileStatus, _ digest: Digest, _ chunks: [NewFile.Chunk]) {
        let entry = FileIndex.Entry(path: path, status: status, sha256: digest)
        let isKnown = base?.index.entry(path)?.sha256 == digest
        collected.withLockedValue { outcome in
            outcome.index.append(entry)
            if isKnown {
                outcome.files.append(.unchanged(entry.facts))
            } else {
                if stored[path]?.contains(digest) != true { outcome.writtenFiles += 1 }
                outcome.files.append(
                    .new(
                        NewFile(
                            path: path, mode: status.permissions, modified: status.modified, digest: digest,
                            chunks: chunks)))
            }
        }
    }

    /// The file is in motion, which may pass.
    private static func changing(_ reason: String) -> Failure {
        var failure = Failure(
            code: .sourceChanged, message: reason,
            hint: "Run the command again when the agent has stopped writing.")
        failure.passesByItself = true
        return failure
    }

    private func fail(_ path: RelativePath, _ failure: Failure) {
        collected.withLockedValue { outcome in
            outcome.unreadable.append(path)
            outcome.problems.append(SyncResult.Problem(path: "\(path)", failure))
        }
    }
}

extension Workspace {
    /// Makes a writer know the chunks that the snapshots have of a large file which it may refer to.
    func loadChunks(of path: RelativePath, into writer: SnapshotWriter) async throws {
        for manifest in writer.newest.manifests + writer.others {
            guard let entry = manifest.entry(path), case .chunkLists = entry.content else { continue }
            do { writer.know(entry, chunks: try await repository.blobs(of: entry)) } catch let error as RepositoryError
            {
                // Chunks that cannot be found are written again, which mends what is damaged.
                guard error.kind == .damaged else { throw error }
            }
        }
    }
}
