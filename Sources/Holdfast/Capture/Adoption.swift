import AgentFiles
import Basics
import FileIO
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// Reads the objects of a mirror view and hands them to a writer.
struct Adoption: Sendable {
    let workspace: Workspace
    let writer: SnapshotWriter

    private struct Offer: Sendable {
        let path: RelativePath
        let object: ObjectInfo
    }

    func run(_ objects: [ObjectInfo], _ result: inout SyncResult) async throws -> [SaveRequest.File] {
        let offers = offers(objects, &result)
        let adopted = NIOLockedValueBox<[SaveRequest.File]>([])
        let small = offers.filter { $0.object.size <= FileCapture.chunkLength }
        try await forEachConcurrently(Self.batches(small), limit: FileCapture.batchesAtOnce) { batch in
            let files = try await self.adopt(batch)
            adopted.withLockedValue { $0 += files }
        }
        for offer in offers where offer.object.size > FileCapture.chunkLength {
            let file = try await adoptLarge(offer)
            adopted.withLockedValue { $0.append(file) }
        }
        return adopted.withLockedValue { $0 }.sorted { $0.path < $1.path }
    }

    /// The objects that may be part of a snapshot. The others stay where they are.
    private func offers(_ objects: [ObjectInfo], _ result: inout SyncResult) -> [Offer] {
        var byPath: [[UInt8]: ObjectInfo] = [:]
        for object in objects { byPath[workspace.location.mirroredPath(object.key)] = object }
        let names = SafePaths.check(byPath.keys)
        for refusal in names.refused where byPath[refusal.path]?.size != 0 {
            result.warnings.append(
                "'\(printable(refusal.path))' in the mirror view is not part of the snapshot: \(refusal.reason)")
        }
        return names.accepted.compactMap { path in
            guard let object = byPath[path.bytes] else { return nil }
            if let rule = Exclusions.neverStoredRule(path) {
                result.warnings.append("'\(path)' in the mirror view is never stored (\(rule)); consider deleting it")
                return nil
            }
            return Offer(path: path, object: object)
        }
    }

    private static func batches(_ offers: [Offer]) -> [[Offer]] {
        var batches: [[Offer]] = []
        var size: Int64 = 0
        for offer in offers {
            if batches.isEmpty || size + offer.object.size > FileCapture.batchLength {
                batches.append([])
                size = 0
            }
            batches[batches.count - 1].append(offer)
            size += offer.object.size
        }
        return batches
    }

    private func adopt(_ batch: [Offer]) async throws -> [SaveRequest.File] {
        let read = NIOLockedValueBox<[(Offer, ByteBuffer, Digest)]>([])
        try await forEachConcurrently(batch, limit: max(1, workspace.concurrency / 3)) { offer in
            let content = try await workspace.store.get(offer.object.key).collect(upTo: 2 * FileCapture.chunkLength)
            read.withLockedValue { $0.append((offer, content, Digest(of: content))) }
        }
        var blobs: [(digest: Digest, content: ByteBuffer)] = []
        var files: [SaveRequest.File] = []
        for (offer, content, digest) in read.withLockedValue({ $0 }).sorted(by: { $0.0.path < $1.0.path }) {
            if content.readableBytes > 0, writer.claim(digest) { blobs.append((digest, content)) }
            let chunk = NewFile.Chunk(digest: digest, length: content.readableBytes)
            files.append(file(offer, digest, content.readableBytes == 0 ? [] : [chunk]))
        }
        if !blobs.isEmpty {
            let blobs = blobs
            for frame in try await FileIO.run({ FileCapture.frames(blobs) }) { try await writer.write(frame) }
        }
        return files
    }

    private func adoptLarge(_ offer: Offer) async throws -> SaveRequest.File {
        var whole = DigestHasher()
        var chunks: [NewFile.Chunk] = []
        var pending = ByteBuffer()
        func take(_ length: Int) async throws {
            guard let content = pending.readSlice(length: length), length > 0 else { return }
            whole.update(content)
            let digest = Digest(of: content)
            chunks.append(NewFile.Chunk(digest: digest, length: length))
            guard writer.claim(digest) else { return }
            let frame = try await FileIO.run { SnapshotWriter.encode([(digest, content)]) }
            try await writer.write(frame)
        }
        for try await var part in try await workspace.store.get(offer.object.key).chunks {
            pending.writeBuffer(&part)
            while pending.readableBytes >= FileCapture.chunkLength { try await take(FileCapture.chunkLength) }
            pending.discardReadBytes()
        }
        try await take(pending.readableBytes)
        return file(offer, whole.digest, chunks)
    }

    private func file(_ offer: Offer, _ digest: Digest, _ chunks: [NewFile.Chunk]) -> SaveRequest.File {
        .new(
            NewFile(
                path: offer.path, mode: 0o600, modified: offer.object.lastModified ?? 0, digest: digest, chunks: chunks)
        )
    }
}
