import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// One process of Holdfast: what `push`, `pull`, `prune` and `verify` do with a repository, without a disk.
struct HoldfastClient: RepositoryUnderTest {
    /// What a machine remembers.
    struct Known: Sendable {
        /// The snapshot that it was synchronised with last, and its own files of then.
        struct Point: Sendable {
            let snapshot: Snapshot
            let manifest: Manifest?
            let files: [FileFacts]
        }

        /// What the files may have become by a save that nobody saw the end of.
        struct Intent: Sendable {
            let snapshots: [Snapshot]
            let files: [FileFacts]
        }

        var point: Point?
        var intent: Intent?
    }

    let repository: Repository
    let policy: PrunePolicy
    /// So many packs may a snapshot need before they are packed anew.
    let mostPacks: Int

    func restore() async throws -> RestoredTree? {
        let newest = try await repository.newest()
        guard let tip = newest.tip, let manifest = newest.manifest else {
            if newest.heads.isEmpty { return nil }
            throw RepositoryError(.damaged, "no snapshot is whole")
        }
        let contents = try await repository.contents(of: manifest.entries)
        var files: Tree = [:]
        for entry in manifest.entries {
            files["\(entry.path)"] = SimulatedFile(
                content: String(buffer: contents[entry.digest] ?? ByteBuffer()), modified: entry.modified)
        }
        return RestoredTree(
            id: tip.id.hexadecimal, files: files,
            base: Known(point: Known.Point(snapshot: tip, manifest: manifest, files: manifest.entries.map(\.facts))),
            damaged: newest.heads.damaged.map { "\($0.name): \($0.reason)" })
    }

    func save(
        _ files: Tree, base: Base?, remember: @escaping @Sendable (any Sendable) -> Void
    ) async throws -> SavedTree {
        let remembered = try await point(base as? Known)
        let newest = try await repository.newest(
            known: remembered.flatMap { point in point.manifest.map { [(point.snapshot, $0)] } } ?? [])
        var lineage: Lineage?
        if let remembered { lineage = try await repository.lineage(of: remembered.snapshot, to: newest.heads) }
        let base = remembered
        let abandoned = abandonedPacks(of: newest)
        let moving = Set(
            newest.manifests.flatMap(\.entries).filter { entry in
                entry.references.contains { abandoned.contains($0.frame.pack) }
            }.map(\.path))
        let writer = SnapshotWriter(repository, upon: newest, abandoning: abandoned)

        var state: [SaveRequest.File] = []
        var facts: [FileFacts] = []
        for (path, file) in files.compactMap({ path, file in RelativePath(path).map { ($0, file) } })
            .sorted(by: { $0.0 < $1.0 })
        {
            let content = ByteBuffer(string: file.content)
            let new = FileFacts(
                path: path, modified: file.modified, size: Int64(content.readableBytes), digest: Digest(of: content))
            facts.append(new)
            if lineage == .contained, let base, base.files.contains(new), !moving.contains(path) {
                state.append(.unchanged(new))
                continue
            }
            if writer.claim(new.digest) { try await writer.write(SnapshotWriter.encode([(new.digest, content)])) }
            state.append(
                .new(
                    NewFile(
                        path: path, mode: 0o600, modified: file.modified, digest: new.digest,
                        chunks: [NewFile.Chunk(digest: new.digest, length: content.readableBytes)])))
        }
        var request = SaveRequest(files: state, base: base.map { ($0.snapshot, $0.files) }, writer: "simulation")
        request.lineage = lineage
        let here = facts
        request.willCommit = { snapshots in
            remember(Known(point: remembered, intent: Known.Intent(snapshots: snapshots, files: here)))
        }
        let saved = try await repository.save(writer, request)
        return SavedTree(
            id: saved.snapshot.id.hexadecimal,
            base: Known(point: Known.Point(snapshot: saved.snapshot, manifest: saved.manifest, files: facts)))
    }

    /// What is remembered, with what a process that died had no time to remember.
    private func point(_ known: Known?) async throws -> Known.Point? {
        for snapshot in known?.intent?.snapshots.reversed() ?? [] where try await repository.holds(snapshot) {
            return Known.Point(snapshot: snapshot, manifest: nil, files: known?.intent?.files ?? [])
        }
        return known?.point
    }

    func rollBack(_ choose: @escaping @Sendable ([String]) -> String?) async throws {
        let history = try await repository.history()
        guard let id = choose(history.snapshots.map(\.id.hexadecimal)),
            let snapshot = history.snapshots.first(where: { $0.id.hexadecimal == id })
        else { return }
        let newest = try await repository.newest()
        guard try await repository.holds(snapshot) else { return }
        let old = try await repository.manifest(of: snapshot)
        if let missing = try await repository.missingPacks(of: old).first {
            throw RepositoryError(.damaged, key: missing, "a pack is missing")
        }
        guard newest.heads.snapshots.count == 1, let tip = newest.tip, let manifest = newest.manifest else { return }
        _ = try await repository.save(
            SnapshotWriter(repository, upon: newest, and: [old]),
            SaveRequest(
                files: old.entries.map { .stored($0) }, base: (tip, manifest.entries.map(\.facts)),
                writer: "simulation", note: "rollback"))
    }

    func prune() async throws { _ = try await repository.prune(policy) }

    func verify() async throws -> [String] {
        let report = try await repository.verify(readData: true)
        return (report.damages + report.unknown).map { "\($0.key) \($0.reason)" }
            + (report.wholeSnapshots == report.snapshots ? [] : ["not all snapshots are whole"])
    }

    private func abandonedPacks(of newest: Newest) -> Set<Digest> {
        let packs = Set(newest.manifests.flatMap(\.packUses).map(\.pack))
        return packs.count > mostPacks ? packs : []
    }
}

extension Repository {
    /// The content of files that are single blobs, by their digests.
    func contents(of entries: [Entry]) async throws -> [Digest: ByteBuffer] {
        let blobs = Dictionary(grouping: entries.flatMap(\.references), by: \.frame)
        let found = NIOLockedValueBox<[Digest: ByteBuffer]>([:])
        try await readFrames(blobs.keys) { frame in
            let content = try frame.expand()
            for blob in blobs[frame.location] ?? [] {
                let bytes = try content.blob(blob)
                found.withLockedValue { $0[blob.digest] = bytes }
            }
        }
        return found.withLockedValue { $0 }
    }
}
