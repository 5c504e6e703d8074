import AgentFiles
import Basics
import FileIO
import FoundationEssentials
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// The snapshot that the mirror view shows: the object `mirror` beside `storage/`.
///
/// Without it, or while it names another snapshot than the one that a change starts from, the whole view is compared.
struct MirrorMark: Codable {
    var format = 1
    let snapshot: String
    /// When the store wrote it, in nanoseconds since 1970: later than every object of the view.
    var written: Int64?

    private enum CodingKeys: CodingKey { case format, snapshot }
}

extension Workspace {
    private var markKey: ObjectKey { ObjectKey("\(location.key)/mirror") }

    /// Makes the mirror view show a snapshot: changed files are written, removed ones deleted.
    ///
    /// The view is a by-product: a failure is told and made good by the next push, and the snapshot stays saved.
    /// - Parameter newest: what the snapshot was made upon.
    /// - Returns: whether the view is complete.
    /// - Throws: what says that the task was cancelled, nothing else.
    func updateMirror(_ saved: SaveResult, upon newest: Newest, _ result: inout SyncResult) async throws -> Bool {
        do {
            let shown = try await shownByMirror(saved, newest)
            if shown?.snapshot.id == saved.snapshot.id { return true }
            let update = MirrorUpdate(
                workspace: self, snapshot: saved.snapshot, manifest: saved.manifest, from: shown?.manifest)
            try await update.run()
            result.mirrorProblems = update.problems
            // Somebody who saved meanwhile may have written before us what we have overwritten.
            let tip = try await repository.heads(known: [saved.snapshot]).tip
            guard tip?.id == saved.snapshot.id else {
                _ = try await store.delete([markKey])
                return false
            }
            try await markMirror(saved.snapshot)
            return true
        } catch {
            if Task.isCancelled { throw error }
            let problem = SyncError(error)
            result.warnings.append(
                "saved as snapshot \(saved.snapshot.shortID), but the mirror view is not complete: \(problem); "
                    + "the next push completes it" + (problem.hint.map { ". \($0)" } ?? ""))
            return false
        }
    }

    /// Which snapshot the view shows; `nil` if that is not known.
    /// - Throws: ``StoreError``.
    func mirrorMark() async throws -> MirrorMark? {
        let object: ObjectContent
        do { object = try await store.get(markKey) } catch {
            // S3 refuses to read what does not exist where s3:ListBucket is limited to prefixes, as it should be: a GET has
            // none. So a refusal says no more than that; comparing the whole view is right in any case.
            if error.kind == .notFound || error.kind == .denied { return nil }
            throw error
        }
        let content = try await object.collect(upTo: 4096)
        var mark = try? JSONDecoder().decode(MirrorMark.self, from: Data(content.readableBytesView))
        mark?.written = object.info.lastModified
        return mark
    }

    /// Writes down that the view shows a snapshot.
    func markMirror(_ snapshot: Snapshot) async throws {
        let mark = try JSONEncoder().encode(MirrorMark(snapshot: snapshot.id.hexadecimal))
        try await store.put(markKey, .bytes(ByteBuffer(bytes: mark)), .overwrite)
    }

    /// The snapshot that the view shows, with its manifest, if that is the new one, what it was made upon or a parent.
    private func shownByMirror(
        _ saved: SaveResult, _ newest: Newest
    ) async throws -> (snapshot: Snapshot, manifest: Manifest)? {
        guard let mark = try await mirrorMark() else { return nil }
        let known = [(saved.snapshot, saved.manifest)] + zip(newest.heads.snapshots, newest.manifests)
        if let shown = known.first(where: { $0.0.id.hexadecimal == mark.snapshot }) { return shown }
        for parent in try await repository.parents(of: saved.snapshot) where parent.id.hexadecimal == mark.snapshot {
            return (parent, try await repository.manifest(of: parent))
        }
        return nil
    }
}

/// One change of the mirror view.
private final class MirrorUpdate: Sendable {
    let workspace: Workspace
    let snapshot: Snapshot
    let manifest: Manifest
    /// What the view shows; `nil` if that is not known.
    let shown: Manifest?
    private let found = NIOLockedValueBox<[SyncResult.Problem]>([])

    init(workspace: Workspace, snapshot: Snapshot, manifest: Manifest, from shown: Manifest?) {
        self.workspace = workspace
        self.snapshot = snapshot
        self.manifest = manifest
        self.shown = shown
    }

    /// Files that the view cannot show.
    var problems: [SyncResult.Problem] { found.withLockedValue { $0 }.sorted { $0.path < $1.path } }

    func run() async throws {
        // The view is of the storage directory alone.
        let entries = manifest.entries.divided().files
        let there = shown == nil ? try await objectsByKey() : [:]
        let old = Dictionary((shown?.entries ?? []).divided().files.map { ($0.path, $0) }) { first, _ in first }
        let changed = entries.filter { old[$0.path]?.facts.isSameContent(as: $0.facts) != true }
        let root = try? await FileIO.run { [storage = workspace.storage] in
            try File.open(storage, [.read, .directory])
        }
        let removed = try await keysToRemove(entries, old, there)
        // A store that keeps files cannot have one under the name of a directory.
        let room = RoomForKeys(
            removed.isEmpty
                ? [] : Set(entries.compactMap { $0.path.utf8String }.map { workspace.location.mirrorKey($0) }))
        try await delete(removed.filter(room.isInTheWay))
        try await Lanes.run(changed, concurrency: workspace.concurrency, size: \.size) { entry in
            try await self.write(entry, root.map { LocalFiles(root: $0) }, there)
        }
        try await delete(removed.filter { !room.isInTheWay($0) })
    }

    private func objectsByKey() async throws -> [ObjectKey: ObjectInfo] {
        Dictionary(try await workspace.mirrorObjects().map { ($0.key, $0) }) { first, _ in first }
    }

    private func write(_ entry: Entry, _ local: LocalFiles?, _ there: [ObjectKey: ObjectInfo]) async throws {
        guard let path = entry.path.utf8String else {
            return report(entry, "its name is not valid UTF-8, and keys are text")
        }
        let key = workspace.location.mirrorKey(path)
        do {
            do { try await put(try await content(of: entry, local), key, entry, there[key]) } catch let error
                as StoreError
            {
                // The file here changed meanwhile; the snapshot has what belongs to it.
                guard error.kind == .sourceChanged else { throw error }
                try await put(try await content(of: entry, nil), key, entry, there[key])
            }
        } catch let error as StoreError {
            guard [.invalid, .tooLarge].contains(error.kind) else { throw error }
            report(entry, error.reason)
        }
    }

    private func put(_ body: ObjectBody, _ key: ObjectKey, _ entry: Entry, _ object: ObjectInfo?) async throws {
        if let object, object.size == entry.size, try await workspace.store.holds(body, as: object) { return }
        try await workspace.store.put(key, body, .overwrite)
        workspace.logger.debug("Uploaded to S3", metadata: ["objectKey": "\(key)"])
    }

    /// The file as the snapshot has it: from this disk if it is still the same, else from the packs.
    private func content(of entry: Entry, _ local: LocalFiles?) async throws -> ObjectBody {
        if let local, let here = try? await local.read(entry.path), here.status.size == entry.size {
            if here.sha256 == entry.digest { return here.body }
            if case .file(let file) = here.body, try await FileIO.run({ try Digest(of: file) }) == entry.digest {
                return here.body
            }
        }
        guard entry.size > Lanes.whole else { return .bytes(try await workspace.repository.content(of: entry)) }
        return .file(try await temporaryCopy(of: entry))
    }

    /// A large file from the packs, in a file without a name.
    private func temporaryCopy(of entry: Entry) async throws -> File {
        let file = try await FileIO.run { try File.temporary() }
        let offset = NIOLockedValueBox<Int64>(0)
        try await workspace.repository.read(entry) { piece in
            let start = offset.withLockedValue { offset in
                defer { offset += Int64(piece.readableBytes) }
                return offset
            }
            try await FileIO.run { try file.write(piece, at: start) }
        }
        return file
    }

    private func keysToRemove(
        _ entries: [Entry], _ old: [RelativePath: Entry], _ there: [ObjectKey: ObjectInfo]
    ) async throws -> [ObjectKey] {
        let kept = Set(entries.compactMap { $0.path.utf8String }.map { workspace.location.mirrorKey($0) })
        var removed = old.keys.compactMap(\.utf8String).map { workspace.location.mirrorKey($0) }.filter {
            !kept.contains($0)
        }
        removed += try await keysOfThePast(Set(there.keys).subtracting(kept))
        return removed
    }

    private func delete(_ removed: [ObjectKey]) async throws {
        let size = max(1, workspace.store.capabilities.deleteBatch)
        for start in stride(from: 0, to: removed.count, by: size) {
            let failures = try await workspace.store.delete(Array(removed[start..<min(start + size, removed.count)]))
            if let first = failures.first { throw first.error }
        }
    }

    /// Which of these objects a snapshot before this one had. What none had is a stranger's, and the only copy of it.
    private func keysOfThePast(_ keys: Set<ObjectKey>) async throws -> Set<ObjectKey> {
        var unknown = keys.filter { workspace.location.isMirroredFile($0) }
        let files = unknown
        var visited: Set<CommitName> = [snapshot.name]
        var next = [snapshot]
        while !unknown.isEmpty, visited.count <= Self.mostAncestors, !next.isEmpty {
            for parent in try await workspace.repository.parents(of: next.removeFirst())
            where visited.insert(parent.name).inserted {
                next.append(parent)
                do {
                    for entry in try await workspace.repository.manifest(of: parent).entries {
                        if let path = entry.path.utf8String { unknown.remove(workspace.location.mirrorKey(path)) }
                    }
                } catch let error as RepositoryError {
                    if error.kind != .damaged { throw error }
                }
            }
        }
        return files.subtracting(unknown)
    }

    /// How far back the view may be.
    private static let mostAncestors = 50

    private func report(_ entry: Entry, _ reason: String) {
        found.withLockedValue { $0.append(SyncResult.Problem(path: "\(entry.path)", reason: reason)) }
    }
}

/// Tells which keys stand where others need a directory, or are below a name that others need for a file.
private struct RoomForKeys {
    private let keys: Set<ObjectKey>
    private let directories: Set<ObjectKey>

    init(_ keys: Set<ObjectKey>) {
        self.keys = keys
        directories = Set(keys.flatMap(Self.directories))
    }

    func isInTheWay(_ key: ObjectKey) -> Bool {
        directories.contains(key) || Self.directories(of: key).contains(where: keys.contains)
    }

    private static func directories(of key: ObjectKey) -> [ObjectKey] {
        let text = key.text
        return text.utf8.indices.filter { text.utf8[$0] == UInt8(ascii: "/") }.map { ObjectKey(String(text[..<$0])) }
    }
}

extension FileFacts {
    func isSameContent(as other: FileFacts) -> Bool { digest == other.digest && size == other.size }
}
