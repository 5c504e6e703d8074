import Basics
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

extension Verification {
    /// Reads blobs, those of a pack together. One that cannot be read does not keep the others from being read.
    /// - Parameter deliver: is called once for each item, by several tasks at a time.
    /// - Throws: ``StoreError`` where nothing is proven, or what `deliver` throws.
    func read<Item: Sendable>(
        _ items: [Item], blob: @escaping @Sendable (Item) -> BlobReference,
        _ deliver: @escaping @Sendable (Item, Result<ByteBuffer, any Error>) throws -> Void
    ) async throws {
        let listed = state.withLockedValue { $0.listed }
        let packs = Dictionary(grouping: items) { blob($0).frame.pack }.sorted { $0.key < $1.key }
        try await forEachConcurrently(packs, limit: packsAtOnce) { [self] pack, items in
            guard listed[pack] != nil else {
                let missing = RepositoryError.missing(repository.key(ofPack: pack))
                for item in items { try deliver(item, .failure(missing)) }
                return
            }
            try await readFrames(of: Dictionary(grouping: items) { blob($0).frame }) { items, frame in
                for item in items { try deliver(item, Result { try frame.get().blob(blob(item)) }) }
            }
        }
    }

    /// Reads frames of one pack: all at once, and if that fails, the rest one by one.
    private func readFrames<Item: Sendable>(
        of items: [FrameLocation: [Item]],
        _ deliver: @escaping @Sendable ([Item], Result<FrameContent, any Error>) throws -> Void
    ) async throws {
        let rest = NIOLockedValueBox(Set(items.keys))
        let take = { @Sendable (frame: StoredFrame) throws in
            rest.withLockedValue { _ = $0.remove(frame.location) }
            try deliver(items[frame.location] ?? [], Result { try frame.expand() })
        }
        do {
            return try await repository.readFrames(Array(items.keys), packsAtOnce: 1, take)
        } catch { _ = try ObjectProblem(error) }
        for frame in rest.withLockedValue({ $0 }).sorted(by: { $0.offset < $1.offset }) {
            do {
                try await repository.readFrames([frame], take)
            } catch {
                _ = try ObjectProblem(error)
                try deliver(items[frame] ?? [], .failure(error))
            }
        }
    }

    // MARK: Packs

    /// Downloads every needed pack once, and checks its name and all that snapshots refer to in it.
    func readPacks(_ progress: @escaping @Sendable (VerifyProgress) -> Void) async throws {
        let (packs, all) = state.withLockedValue { state in
            let packs = zip(state.packs, state.sizes).compactMap {
                pack, sizes -> (pack: Digest, size: Int64, wanted: Int64)? in
                state.listed[pack].map { (pack, $0, sizes.max() ?? $0) }
            }
            return (packs.sorted { $0.pack < $1.pack }, packs.reduce(0) { $0 + min($1.size, $1.wanted) })
        }
        let done = NIOLockedValueBox(VerifyProgress(packs: packs.count, bytes: all))
        progress(done.withLockedValue { $0 })
        try await forEachConcurrently(packs, limit: packsAtOnce) { [self] pack, size, wanted in
            try await read(pack, size: size, upTo: min(size, wanted)) { bytes in
                progress(
                    done.withLockedValue { progress in
                        progress.doneBytes += Int64(bytes)
                        return progress
                    })
            }
            progress(
                done.withLockedValue { progress in
                    progress.donePacks += 1
                    return progress
                })
        }
    }

    private func read(
        _ pack: Digest, size: Int64, upTo end: Int64, _ received: (Int) -> Void
    ) async throws {
        let key = repository.key(ofPack: pack)
        let blobs = state.withLockedValue { $0.blobs[pack] ?? [] }
        var frames = PackCutter(Dictionary(grouping: blobs, by: \.frame))
        var hasher = DigestHasher()
        var problems: [ObjectProblem] = []
        var hurt: [BlobReference] = []
        var header = ByteBuffer()
        do {
            let content = try await repository.open(key, 0..<Int(end))
            for try await chunk in content.chunks {
                received(chunk.readableBytes)
                hasher.update(chunk)
                header.writeBytes(chunk.readableBytesView.prefix(Pack.versionLength - header.readableBytes))
                frames.append(chunk)
                while let (wanted, bytes) = frames.next() {
                    let frame = Result { () throws(RepositoryError) in
                        try StoredFrame(location: wanted.frame, bytes: bytes, key: key).expand()
                    }
                    for blob in wanted.blobs {
                        do { _ = try frame.get().blob(blob) } catch {
                            problems.append(try ObjectProblem(error))
                            hurt.append(blob)
                        }
                    }
                }
            }
            do throws(FormatError) { try Pack.checkHeader(header) } catch {
                problems.append(try ObjectProblem(error.about(key)))
            }
            // A pack of another size has been reported, and cannot have the right hash.
            if end == size, hasher.digest != pack {
                problems.insert(ObjectProblem(reason: "its SHA-256 is not its name"), at: 0)
            }
        } catch {
            problems.append(try ObjectProblem(error))
        }
        let unreached = frames.rest.flatMap(\.blobs)
        if !unreached.isEmpty {
            problems.append(ObjectProblem(reason: "\(unreached.count) blobs of it cannot be reached"))
        }
        guard !problems.isEmpty else { return }
        state.withLockedValue { state in
            for problem in problems { state.add(problem, key) }
            for blob in hurt + unreached { state.hurt(blob) }
        }
    }
}

/// Cuts the frames that are wanted out of the bytes of a pack as they arrive. Holds no more than one frame and a chunk.
struct PackCutter {
    typealias Wanted = (frame: FrameLocation, blobs: [BlobReference])

    private var pending = ByteBuffer()
    /// Of the first byte of ``pending`` in the pack.
    private var position = 0
    private var following: ArraySlice<Wanted>
    /// Frames that begin inside another one: such a pack was never written.
    private var overlapping: [Wanted] = []

    init(_ frames: [FrameLocation: [BlobReference]]) {
        following =
            frames.map { Wanted($0.key, $0.value) }.sorted { a, b in
                (a.frame.offset, a.frame.storedLength) < (b.frame.offset, b.frame.storedLength)
            }[...]
    }

    /// What has not been found.
    var rest: [Wanted] { overlapping + following }

    mutating func append(_ chunk: ByteBuffer) {
        pending.discardReadBytes()
        pending.writeImmutableBuffer(chunk)
    }

    /// The next frame, if all of it has arrived. Call it until there is none.
    mutating func next() -> (Wanted, ByteBuffer)? {
        while let first = following.first, first.frame.offset < position { overlapping.append(following.removeFirst()) }
        // What lies before the next frame, nobody wants.
        let unwanted = following.first.map { $0.frame.offset - position } ?? pending.readableBytes
        let count = min(unwanted, pending.readableBytes)
        pending.moveReaderIndex(forwardBy: count)
        position += count
        guard let next = following.first, position == next.frame.offset,
            let bytes = pending.readSlice(length: next.frame.storedLength)
        else { return nil }
        position = next.frame.range.upperBound
        following.removeFirst()
        return (next, bytes)
    }
}
