import AgentDatabase
import AgentFiles
import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// Takes images of databases and hands them to a writer, page by page.
struct DatabaseCapture: Sendable {
    let workspace: Workspace
    let writer: SnapshotWriter

    /// What came of one database.
    enum Outcome: Sendable {
        /// - Parameter remarks: what is wrong with rows, which are stored all the same.
        case read(NewFile, FileIndex.Entry, remarks: [String])
        /// It has lost most of its sessions: what is stored is the image, which has them too.
        case united(NewFile, FileIndex.Entry, DatabaseImage, Loss)
        /// It has lost most of its sessions, and the snapshot keeps the version that it had.
        case stays(RelativePath, Loss, String)
        /// It cannot be read; the snapshot keeps the version that it had.
        case failed(RelativePath, Failure)
    }

    /// - Parameter rows: holds removals back.
    /// - Throws: ``StoreError``, `CancellationError`.
    func run(_ database: DatabaseFile, at path: RelativePath, guardedBy rows: RowGuard) async throws -> Outcome {
        // What the store has of it is found out while the image is made.
        async let known: Void = workspace.loadChunks(of: path, into: writer)
        let image: DatabaseImage
        do {
            image = try await workspace.image(of: database)
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            return .failed(path, Failure(error))
        }
        try await known
        let own = try await rows.censuses.captured(image)
        do {
            if let kept = try await rows.keeping(image, own, at: path) {
                return try await store(kept, of: database, at: path, rows.censuses)
            }
        } catch let error as DatabaseDamage { return .failed(path, Failure(database.explain(error))) }
        // The check and the hashing take about as long: each has a core.
        async let checked = check(image, of: database)
        let (digest, chunks) = try await store(image)
        let remarks: [String]
        switch await checked {
        case .success(let found): remarks = found
        case .failure(let failure): return .failed(path, failure)
        }
        rows.censuses.note(own, of: digest)
        let file = NewFile(path: path, mode: 0o600, modified: database.modified, digest: digest, chunks: chunks)
        return .read(
            file, database.indexEntry(at: path, size: image.size, modified: database.modified, sha256: digest),
            remarks: remarks)
    }

    /// Stores what takes the place of an image that has lost most of its sessions.
    private func store(
        _ kept: RowGuard.Kept, of database: DatabaseFile, at path: RelativePath, _ censuses: KnownCensuses
    ) async throws -> Outcome {
        switch kept {
        case .stored(let loss, let reason): return .stays(path, loss, reason)
        case .united(let image, let loss):
            let (digest, chunks) = try await store(image)
            censuses.note(try await censuses.made(image), of: digest)
            let file = NewFile(path: path, mode: 0o600, modified: database.modified, digest: digest, chunks: chunks)
            // The database here is another one, and is looked at again with the next push.
            let entry = FileIndex.Entry(
                path: path, size: image.size, modified: database.modified, changed: 0, inode: 0, sha256: digest)
            return .united(file, entry, image, loss)
        }
    }

    /// - Returns: what is wrong with rows, or why the image must not be kept.
    private func check(_ image: DatabaseImage, of database: DatabaseFile) async -> Result<[String], Failure> {
        do { return .success(try await FileIO.run { try image.check() }) } catch {
            return .failure(Failure(database.explain(error)))
        }
    }

    /// Pieces of an image that are read at once, in bytes: as many chunks as make a frame.
    private static let windowLength = 1 << 20
    /// Pieces that are hashed, compressed and uploaded while the next is read.
    private static let windowsAtOnce = 3

    /// Gives an image to the writer: the chunks that the newest snapshots do not have, as many in one frame as fit, from
    /// wherever in the image they are, since they compress better together.
    ///
    /// ``Workspace/loadChunks(of:into:)`` makes the writer know those.
    /// - Returns: the digest of the whole, and the chunks.
    func store(_ image: DatabaseImage) async throws -> (Digest, [NewFile.Chunk]) {
        let chunkLength = DatabaseEntries.chunkLength(ofSize: image.size)
        let (file, writer) = (image.file, writer)
        var whole = DigestHasher()
        var found: [(start: Int64, chunks: [NewFile.Chunk])] = []
        var pending: [(digest: Digest, content: ByteBuffer)] = []
        var pendingLength = 0
        // Used again: to get a mebibyte from the system, page by page, takes as long as to read it.
        var spare: [Window] = []
        try await withThrowingTaskGroup(of: Piece?.self) { group in
            var running = 0
            func take(_ done: Piece??) {
                running -= 1
                guard let piece = done ?? nil else { return }
                found.append((piece.start, piece.chunks))
                spare.append(piece.window)
                pending += piece.new
                pendingLength += piece.new.reduce(0) { $0 + $1.content.readableBytes }
                guard pendingLength >= Self.windowLength else { return }
                flush()
            }
            func flush() {
                guard !pending.isEmpty else { return }
                let blobs = pending
                (pending, pendingLength) = ([], 0)
                running += 1
                group.addTask {
                    let frames = try await FileIO.run { FileCapture.frames(blobs) }
                    for frame in frames { try await writer.write(frame) }
                    return nil
                }
            }
            for start in stride(from: Int64(0), to: image.size, by: Self.windowLength) {
                let count = Int(min(Int64(Self.windowLength), image.size - start))
                let hasher = whole
                let window = spare.popLast() ?? Window(ByteBuffer())
                whole = try await FileIO.run {
                    try window.withLockedValue { content in
                        content.clear(minimumCapacity: count)
                        guard try file.read(into: &content, count: count, at: start) == count else {
                            throw FileError("read", path: file.path, code: 5)
                        }
                        var hashed = hasher
                        hashed.update(content)
                        return hashed
                    }
                }
                while running >= Self.windowsAtOnce { take(try await group.next()) }
                running += 1
                group.addTask { try await FileIO.run { Piece(window, at: start, chunkLength, writer) } }
            }
            while let done = try await group.next() {
                take(done)
                if running == 0 { flush() }
            }
        }
        found.sort { $0.start < $1.start }
        return (whole.digest, found.flatMap(\.chunks))
    }

    /// Where a piece of the image is read to.
    private typealias Window = NIOLockedValueBox<ByteBuffer>

    /// What was read at once.
    private struct Piece: Sendable {
        let start: Int64
        let window: Window
        private(set) var chunks: [NewFile.Chunk] = []
        /// The chunks that have to be written.
        private(set) var new: [(digest: Digest, content: ByteBuffer)] = []

        init(_ window: Window, at start: Int64, _ length: Int, _ writer: SnapshotWriter) {
            (self.start, self.window) = (start, window)
            window.withLockedValue { content in
                while let chunk = content.readSlice(length: min(length, content.readableBytes)), chunk.readableBytes > 0
                {
                    let digest = Digest(of: chunk)
                    chunks.append(NewFile.Chunk(digest: digest, length: chunk.readableBytes))
                    // A copy, since the window is read into again.
                    if writer.claim(digest) { new.append((digest, ByteBuffer(bytes: chunk.readableBytesView))) }
                }
            }
        }
    }
}
