import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

/// Frames of one pack that are read with one request.
struct PackRead: Sendable {
    let pack: Digest
    /// In the order of their offsets.
    var frames: [FrameLocation]

    /// What is asked for. A read that begins near the start of the pack takes the start along, which says the version.
    var range: Range<Int> { (start < Pack.checkedStart ? 0 : start)..<end }
    /// Where the first frame begins.
    private var start: Int { frames[0].offset }
    private var end: Int { frames.reduce(0) { max($0, $1.range.upperBound) } }

    /// Bytes between two wanted frames that are rather read than asked around: a request costs more.
    static let widestGap = 512 << 10
    /// The longest range of one request, so that several requests share the work and a repeated one costs little.
    static let longest = 16 << 20

    /// Puts frames that lie close to each other into common requests.
    static func plan(_ frames: some Sequence<FrameLocation>) -> [PackRead] {
        var reads: [PackRead] = []
        for frame in frames.sorted(by: { ($0.pack, $0.offset) < ($1.pack, $1.offset) }) {
            if let last = reads.last, last.pack == frame.pack, let lastFrame = last.frames.last {
                if lastFrame == frame { continue }
                let (start, end) = (last.start, last.end)
                // Frames that overlap, as a damaged manifest may say, are read apart.
                if frame.offset >= end, frame.offset <= end + widestGap, frame.range.upperBound - start <= longest {
                    reads[reads.count - 1].frames.append(frame)
                    continue
                }
            }
            reads.append(PackRead(pack: frame.pack, frames: [frame]))
        }
        return reads
    }
}

/// Cuts the frames of a read out of the bytes that arrive.
struct FrameCutter {
    /// There is room for so much of a frame from the start, in bytes; no more is believed of what a manifest says.
    private static let expectedLength = 1 << 20

    private let key: ObjectKey
    private var rest: ArraySlice<FrameLocation>
    /// The start of the first frame of ``rest``, as far as it has arrived.
    private var begun = ByteBuffer()
    /// Where the next byte lies in the pack.
    private var position: Int
    /// The first bytes of the pack, until there are enough to check them; `nil` where the read begins behind them.
    private var header: [UInt8]?

    init(_ read: PackRead, key: ObjectKey) {
        self.key = key
        rest = read.frames[...]
        position = read.range.lowerBound
        header = position == 0 ? [] : nil
    }

    var isComplete: Bool { rest.isEmpty }

    /// - Returns: the frames that are complete now.
    /// - Throws: ``RepositoryError`` of kind `damaged` if frames overlap, `formatTooNew` for a pack of a later version.
    mutating func take(_ chunk: ByteBuffer) throws(RepositoryError) -> [StoredFrame] {
        var chunk = chunk
        try checkHeader(chunk)
        var frames: [StoredFrame] = []
        while let frame = rest.first {
            guard frame.offset + begun.readableBytes >= position else { throw .damaged(key, "frames in it overlap") }
            // Between two frames there may be bytes that nobody asked for.
            let gap = min(frame.offset + begun.readableBytes - position, chunk.readableBytes)
            chunk.moveReaderIndex(forwardBy: gap)
            position += gap
            guard let bytes = complete(frame, with: &chunk) else { break }
            frames.append(StoredFrame(location: frame, bytes: bytes, key: key))
            rest.removeFirst()
        }
        return frames
    }

    private mutating func checkHeader(_ chunk: ByteBuffer) throws(RepositoryError) {
        guard var seen = header else { return }
        seen += chunk.readableBytesView.prefix(Pack.versionLength - seen.count)
        header = seen
        guard seen.count == Pack.versionLength else { return }
        header = nil
        do throws(FormatError) { try Pack.checkHeader(ByteBuffer(bytes: seen)) } catch { throw error.about(key) }
    }

    /// Takes the bytes of a frame, each of which is copied once at most.
    /// - Returns: `nil` as long as some are missing.
    private mutating func complete(_ frame: FrameLocation, with chunk: inout ByteBuffer) -> ByteBuffer? {
        guard position == frame.offset + begun.readableBytes else { return nil }
        let missing = frame.storedLength - begun.readableBytes
        let arrived = min(missing, chunk.readableBytes)
        position += arrived
        if begun.readableBytes == 0, arrived == missing { return chunk.readSlice(length: arrived) }
        if begun.readableBytes == 0 { begun.reserveCapacity(min(frame.storedLength, Self.expectedLength)) }
        if var slice = chunk.readSlice(length: arrived) { begun.writeBuffer(&slice) }
        guard arrived == missing else { return nil }
        defer { begun = ByteBuffer() }
        return begun
    }
}

/// A frame as it lies in its pack.
public struct StoredFrame: Sendable {
    public let location: FrameLocation
    let bytes: ByteBuffer
    let key: ObjectKey

    /// Expands the frame. It takes a millisecond and more for each MiB; callable from any thread.
    /// - Throws: ``RepositoryError`` of kind `damaged`.
    public func expand() throws(RepositoryError) -> FrameContent {
        do throws(FormatError) {
            return FrameContent(bytes: try Zstd.expand(bytes, length: location.length), key: key)
        } catch {
            throw error.about(key)
        }
    }
}

/// The content of a frame: blobs, back to back.
public struct FrameContent: Sendable {
    let bytes: ByteBuffer
    let key: ObjectKey

    /// A blob of the frame, with its digest verified.
    /// - Throws: ``RepositoryError`` of kind `damaged`.
    public func blob(_ blob: BlobReference) throws(RepositoryError) -> ByteBuffer {
        guard let content = bytes.getSlice(at: bytes.readerIndex + blob.offset, length: blob.length),
            Digest(of: content) == blob.digest
        else {
            throw .damaged(key, "the blob \(blob.digest.hexadecimal.prefix(12)) in it has another SHA-256")
        }
        return content
    }
}

extension Repository {
    /// Reads frames, those that lie together with one request, and hands each over as soon as it has arrived.
    /// - Parameters:
    ///   - frames: each at most once is enough; in any order.
    ///   - packsAtOnce: requests at once.
    ///   - deliver: may be called by several tasks at a time; while it works, its request waits.
    /// - Throws: ``RepositoryError`` of kind `damaged` for a pack that is missing or too short, ``StoreError``, or what
    ///   `deliver` throws.
    public func readFrames(
        _ frames: some Sequence<FrameLocation>, packsAtOnce: Int = 4,
        _ deliver: @escaping @Sendable (StoredFrame) async throws -> Void
    ) async throws {
        let limit = max(1, min(concurrency, packsAtOnce))
        let far = try await readNearby(frames, limit: limit, deliver)
        try await forEachConcurrently(PackRead.plan(far), limit: limit) { read in
            try await readPack(read, deliver)
        }
    }

    /// Hands over the frames that are at hand.
    /// - Returns: the others.
    private func readNearby(
        _ frames: some Sequence<FrameLocation>, limit: Int,
        _ deliver: @escaping @Sendable (StoredFrame) async throws -> Void
    ) async throws -> [FrameLocation] {
        guard let nearby else { return Array(frames) }
        let missing = NIOLockedValueBox<[FrameLocation]>([])
        try await forEachConcurrently(Set(frames), limit: limit) { location in
            if let bytes = await nearby.read(location) {
                try await deliver(StoredFrame(location: location, bytes: bytes, key: key(ofPack: location.pack)))
            } else {
                missing.withLockedValue { $0.append(location) }
            }
        }
        return missing.withLockedValue { $0 }
    }

    /// Frames of one pack that are worked on at once, while the next ones arrive.
    private static let framesAtOnce = 3

    private func readPack(
        _ read: PackRead, _ deliver: @escaping @Sendable (StoredFrame) async throws -> Void
    ) async throws {
        let key = key(ofPack: read.pack)
        let content = try await open(key, read.range)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            var cutter = FrameCutter(read, key: key)
            for try await chunk in content.chunks {
                for frame in try cutter.take(chunk) {
                    if running == Self.framesAtOnce {
                        try await group.next()
                        running -= 1
                    }
                    group.addTask { try await deliver(frame) }
                    running += 1
                }
            }
            guard cutter.isComplete else {
                throw RepositoryError.damaged(key, "it ends before byte \(read.range.upperBound)")
            }
            while try await group.next() != nil {}
        }
    }

    /// Opens a range of a pack.
    /// - Throws: ``RepositoryError`` of kind `damaged` for a pack that is missing or too short, ``StoreError``.
    func open(_ key: ObjectKey, _ range: Range<Int>) async throws -> ObjectContent {
        let wanted = Int64(range.lowerBound)..<Int64(range.upperBound)
        do { return try await store.get(key, range: wanted, ifMatch: nil) } catch {
            if error.kind == .notFound { throw RepositoryError.missing(key) }
            // A refusal may be of this kind as well; then the size cannot be had, or is large enough.
            if error.kind == .invalid, try await store.head(key).size <= wanted.lowerBound {
                throw RepositoryError.damaged(key, "it ends before byte \(range.lowerBound)")
            }
            throw error
        }
    }

    /// Reads blobs that are small together, such as parts of a manifest.
    func readBlobs(_ blobs: [BlobReference]) async throws -> [Digest: ByteBuffer] {
        let byFrame = Dictionary(grouping: blobs, by: \.frame)
        let found = NIOLockedValueBox<[Digest: ByteBuffer]>([:])
        try await readFrames(byFrame.keys) { frame in
            let content = try frame.expand()
            for blob in byFrame[frame.location] ?? [] {
                let bytes = try content.blob(blob)
                found.withLockedValue { $0[blob.digest] = bytes }
            }
        }
        return found.withLockedValue { $0 }
    }
}
