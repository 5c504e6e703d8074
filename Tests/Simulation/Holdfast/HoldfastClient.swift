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
            let files: Tree
        }

        /// What the files may have become by a save that nobody saw the end of.
        struct Intent: Sendable {
            let snapshots: [Snapshot]
            let sides: [Snapshot]
            let files: Tree
        }

        var point: Point?
        var intent: Intent?
    }

    let repository: Repository
    let policy: PrunePolicy
    /// So many packs may a snapshot need before they are packed anew.
    let mostPacks: Int
    let merging: Merging
    let random: @Sendable () -> UInt64

    func restore(_ here: Tree, base: Base?) async throws -> RestoredTree? {
        let remembered = try await point(base as? Known)
        var excluded: [CommitName: String] = [:]
        while true {
            let newest = try await repository.newest(excluding: excluded)
            guard let tip = newest.tip, let manifest = newest.manifest else {
                if newest.heads.isEmpty { return nil }
                throw RepositoryError(.damaged, "no snapshot is whole")
            }
            let files: Tree
            do { files = try await tree(manifest) } catch let error as RepositoryError {
                guard error.kind == .damaged, excluded[tip.name] == nil else { throw error }
                excluded[tip.name] = error.message
                continue
            }
            var common: Tree = [:]
            if let remembered {
                switch try await repository.lineage(of: remembered.snapshot, to: newest.heads.tipOnly) {
                case .contained, .pruned: common = remembered.files
                // Nothing changed there, so all differences are changes here.
                case .newer: common = files
                case .passedOver, .foreign, .unknown, .unrelated: break
                }
            }
            let result = pulledTree(here, files, base: common)
            let point = Known.Point(snapshot: tip, manifest: manifest, files: files.common(with: result))
            let damaged = newest.heads.damaged.map { (key(of: $0.name), $0.reason) }
            return RestoredTree(
                id: tip.id.hexadecimal, files: files, result: result, base: Known(point: point),
                damaged: Dictionary(damaged) { first, _ in first })
        }
    }

    private func key(of name: CommitName) -> ObjectKey { ObjectKey("\(repository.memory)/commits/\(name)") }

    private func tree(_ manifest: Manifest) async throws -> Tree {
        let contents = try await repository.contents(of: manifest.entries)
        var files: Tree = [:]
        for entry in manifest.entries {
            files["\(entry.path)"] = SimulatedFile(
                content: String(buffer: contents[entry.digest] ?? ByteBuffer()), modified: entry.modified)
        }
        return files
    }

    func save(
        _ files: Tree, base: Base?, remember: @escaping @Sendable (any Sendable) -> Void
    ) async throws -> SavedTree {
        let remembered = try await point(base as? Known)
        let newest = try await repository.newest(
            known: remembered.flatMap { point in point.manifest.map { [(point.snapshot, $0)] } } ?? [],
            checking: .allHeads)
        var lineage: Lineage?
        if let remembered { lineage = try await repository.lineage(of: remembered.snapshot, to: newest.heads) }
        let base = remembered
        let abandoned = abandonedPacks(of: newest)
        let moving = Set(
            newest.manifests.flatMap(\.entries).filter { entry in
                entry.references.contains { abandoned.contains($0.frame.pack) }
            }.map(\.path))
        var kept: Manifest?
        if let remembered, lineage == .contained, !newest.heads.snapshots.contains(remembered.snapshot) {
            kept = try await repository.keptManifest(
                of: remembered.snapshot, known: remembered.manifest, beside: newest)
        }
        let writer = SnapshotWriter(
            repository, upon: newest, and: [kept].compactMap(\.self), abandoning: abandoned)
        func isStored(_ facts: FileFacts) -> Bool {
            (newest.manifests + writer.others).contains { $0.entry(facts.path)?.facts.isSame(as: facts) == true }
        }

        var state: [SaveRequest.File] = []
        for (path, facts, content) in files.facts {
            if lineage == .contained, let base, base.files["\(path)"] == files["\(path)"], !moving.contains(path),
                isStored(facts)
            {
                state.append(.unchanged(facts))
            } else {
                state.append(.new(try await write(content, facts, with: writer)))
            }
        }
        var request = SaveRequest(
            files: state, base: base.map { ($0.snapshot, $0.files.facts.map(\.facts)) }, writer: "simulation")
        request.baseManifest = kept
        request.lineage = lineage
        request.willCommit = { snapshots, sides in
            remember(Known(point: remembered, intent: Known.Intent(snapshots: snapshots, sides: sides, files: files)))
        }
        if merging != .never { request.mergeFile = { try await merge($0, files, with: writer) } }
        let saved = try await repository.save(writer, request)
        let own = saved.own ?? (saved.snapshot, saved.manifest)
        let isBehind = files.facts.contains { own.manifest.entry($0.path)?.digest != $0.facts.digest }
        if saved.own == nil, isBehind, let remembered, lineage == .contained {
            return SavedTree(id: saved.snapshot.id.hexadecimal, base: Known(point: remembered))
        }
        return SavedTree(
            id: saved.snapshot.id.hexadecimal,
            base: Known(point: Known.Point(snapshot: own.snapshot, manifest: own.manifest, files: files)))
    }

    private func write(
        _ content: ByteBuffer, _ facts: FileFacts, with writer: SnapshotWriter
    ) async throws -> NewFile {
        if writer.claim(facts.digest) { try await writer.write(SnapshotWriter.encode([(facts.digest, content)])) }
        return NewFile(
            path: facts.path, mode: 0o600, modified: facts.modified, digest: facts.digest,
            chunks: [NewFile.Chunk(digest: facts.digest, length: content.readableBytes)])
    }

    /// Joins the lines of both versions.
    /// - Returns: `nil` for a file that cannot be merged.
    private func merge(_ file: FileMerge, _ here: Tree, with writer: SnapshotWriter) async throws -> NewFile? {
        let path = "\(file.path)"
        if merging == .sometimes {
            if path.hasSuffix("1") { return nil }
            if path.hasSuffix("2"), random() % 4 == 0 {
                throw RepositoryError(.damaged, "the merge of '\(path)' fails")
            }
        }
        let stored =
            switch file.ours {
            case .stored(let entry): [entry, file.theirs]
            case .captured: [file.theirs]
            }
        let contents: [Digest: ByteBuffer]
        do { contents = try await repository.contents(of: stored) } catch let error as RepositoryError {
            guard error.kind == .damaged else { throw error }
            return nil
        }
        var texts = contents.values.map { String(buffer: $0) }
        if case .captured = file.ours { texts.append(here[path]?.content ?? "") }
        if merging == .refused {
            let kinds = Set(texts.map { Digest(of: ByteBuffer(string: $0)).withBytes { $0[0] % 2 } })
            guard kinds.count == 1 || !path.hasSuffix("0") else {
                throw UnmergeableFile(path: file.path, reasons: ["the versions are of two kinds"])
            }
            return nil
        }
        let lines = Set(texts.flatMap { $0.split(separator: "\n") })
        let content = ByteBuffer(string: lines.sorted().joined(separator: "\n"))
        let facts = FileFacts(
            path: file.path, modified: max(file.ours.facts.modified, file.theirs.modified),
            size: Int64(content.readableBytes), digest: Digest(of: content))
        return try await write(content, facts, with: writer)
    }

    /// What is remembered, with what a process that died had no time to remember.
    private func point(_ known: Known?) async throws -> Known.Point? {
        for snapshot in known?.intent?.snapshots.reversed() ?? [] where try await repository.holds(snapshot) {
            let own = known?.intent?.sides.first { snapshot.commit.sides.contains($0.reference) }
            return Known.Point(snapshot: own ?? snapshot, manifest: nil, files: known?.intent?.files ?? [:])
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

    func verify() async throws -> [ObjectKey: String] {
        let report = try await repository.verify(readData: true)
        var damages: [ObjectKey: String] = [:]
        for damage in report.damages + report.unknown { damages[damage.key] = damage.reason }
        if damages.isEmpty, report.wholeSnapshots != report.snapshots {
            damages[ObjectKey(repository.memory)] = "not all snapshots are whole"
        }
        return damages
    }

    private func abandonedPacks(of newest: Newest) -> Set<Digest> {
        let packs = Set(newest.manifests.flatMap(\.packUses).map(\.pack))
        return packs.count > mostPacks ? packs : []
    }
}

extension Tree {
    /// The files in the order of their paths.
    fileprivate var facts: [(path: RelativePath, facts: FileFacts, content: ByteBuffer)] {
        compactMap { path, file in
            guard let path = RelativePath(path) else { return nil }
            let content = ByteBuffer(string: file.content)
            let facts = FileFacts(
                path: path, modified: file.modified, size: Int64(content.readableBytes), digest: Digest(of: content))
            return (path, facts, content)
        }.sorted { $0.path < $1.path }
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
