import AgentState
import FileIO
import FoundationEssentials
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// Which snapshot the mirror view shows: the object `mirror` beside `storage/`.
///
/// Without it, or while it names another snapshot than the one that a change starts from, the whole view is compared.
private struct MirrorMark: Codable {
    var format = 1
    let snapshot: String
}

extension Memory {
    private var markKey: ObjectKey { ObjectKey("\(location.key)/mirror") }

    /// Makes the mirror view show a snapshot: changed files are written, removed ones deleted.
    ///
    /// The view is a by-product: a failure is told and made good by the next push, and the snapshot stays saved.
    /// - Returns: whether the view is complete.
    func updateMirror(_ saved: SaveResult, _ result: inout SyncResult) async -> Bool {
        do {
            let shown = try await shownByMirror(saved.snapshot)
            if shown?.snapshot.id == saved.snapshot.id { return true }
            let update = MirrorUpdate(memory: self, manifest: saved.manifest, from: shown?.manifest)
            try await update.run()
            result.mirrorProblems = update.problems
            // Somebody who saved meanwhile may have written before us what we have overwritten.
            let tip = try await repository.heads(known: [saved.snapshot]).tip
            guard tip?.id == saved.snapshot.id else {
                _ = try await store.delete([markKey])
                return false
            }
            let mark = try JSONEncoder().encode(MirrorMark(snapshot: saved.snapshot.id.hexadecimal))
            try await store.put(markKey, .bytes(ByteBuffer(bytes: mark)), .overwrite)
            return true
        } catch {
            result.warnings.append(
                "saved as snapshot \(saved.snapshot.shortID), but the mirror view is not complete: \(SyncError(error)); "
                    + "the next push completes it")
            return false
        }
    }

    /// The snapshot that the view shows, with its manifest, if that is the new one or one of its parents.
    private func shownByMirror(_ snapshot: Snapshot) async throws -> (snapshot: Snapshot, manifest: Manifest)? {
        let content: ByteBuffer
        do { content = try await store.get(markKey).collect(upTo: 4096) } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
        guard let mark = try? JSONDecoder().decode(MirrorMark.self, from: Data(content.readableBytesView)) else {
            return nil
        }
        let base = await localState.read()?.snapshot
        for candidate in [snapshot, base].compactMap(\.self) where candidate.id.hexadecimal == mark.snapshot {
            if let manifest = await localState.manifest(of: candidate) { return (candidate, manifest) }
            return (candidate, try await repository.manifest(of: candidate))
        }
        for parent in try await repository.parents(of: snapshot) where parent.id.hexadecimal == mark.snapshot {
            return (parent, try await repository.manifest(of: parent))
        }
        return nil
    }
}

/// One change of the mirror view.
private final class MirrorUpdate: Sendable {
    let memory: Memory
    let manifest: Manifest
    /// What the view shows; `nil` if that is not known.
    let shown: Manifest?
    private let found = NIOLockedValueBox<[SyncResult.Problem]>([])

    init(memory: Memory, manifest: Manifest, from shown: Manifest?) {
        self.memory = memory
        self.manifest = manifest
        self.shown = shown
    }

    /// Files that the view cannot show.
    var problems: [SyncResult.Problem] { found.withLockedValue { $0 }.sorted { $0.path < $1.path } }

    func run() async throws {
        let entries = manifest.entries
        let there = shown == nil ? try await memory.mirror.remoteObjects() : [:]
        let old = Dictionary((shown?.entries ?? []).map { ($0.path, $0) }) { first, _ in first }
        let changed = entries.filter { old[$0.path]?.facts.isSameContent(as: $0.facts) != true }
        let root = try? await FileIO.run { [storage = memory.options.storage] in
            try File.open(storage, [.read, .directory])
        }
        try await Lanes.run(changed, concurrency: memory.options.concurrency, size: \.size) { entry in
            try await self.write(entry, root.map { LocalFiles(root: $0) }, there)
        }
        try await removeOthers(entries, old, there)
    }

    private func write(_ entry: Entry, _ local: LocalFiles?, _ there: [ObjectKey: ObjectInfo]) async throws {
        guard let path = entry.path.utf8String else { return report(entry, "its name is not valid UTF-8, and keys are text") }
        let key = memory.mirror.key(path)
        let body = try await content(of: entry, local)
        do throws(StoreError) {
            if let object = there[key], object.size == entry.size, try await memory.store.holds(body, as: object) { return }
            try await memory.store.put(key, body, .overwrite)
        } catch {
            guard [.invalid, .tooLarge].contains(error.kind) else { throw error }
            report(entry, error.reason)
        }
    }

    /// The file as the snapshot has it: from this disk if it is still the same, else from the packs.
    private func content(of entry: Entry, _ local: LocalFiles?) async throws -> ObjectBody {
        if let local, let here = try? await local.read(entry.path), here.status.size == entry.size {
            if here.sha256 == entry.digest.hexadecimal { return here.body }
            if case .file(let file) = here.body, try await FileIO.run({ try Digest(of: file) }) == entry.digest {
                return here.body
            }
        }
        guard entry.size > Lanes.whole else { return .bytes(try await memory.repository.content(of: entry)) }
        return .file(try await temporaryCopy(of: entry))
    }

    /// A large file from the packs, in a file without a name.
    private func temporaryCopy(of entry: Entry) async throws -> File {
        let file = try await FileIO.run { try File.temporary() }
        let offset = NIOLockedValueBox<Int64>(0)
        try await memory.repository.read(entry) { piece in
            let start = offset.withLockedValue { offset in
                defer { offset += Int64(piece.readableBytes) }
                return offset
            }
            try await FileIO.run { try file.write(piece, at: start) }
        }
        return file
    }

    private func removeOthers(
        _ entries: [Entry], _ old: [RelativePath: Entry], _ there: [ObjectKey: ObjectInfo]
    ) async throws {
        let kept = Set(entries.compactMap { $0.path.utf8String }.map { memory.mirror.key($0) })
        var removed = old.keys.compactMap(\.utf8String).map { memory.mirror.key($0) }.filter { !kept.contains($0) }
        // Of objects that are there and in no snapshot, only those go that a snapshot could hold: never a stranger's secret.
        removed += there.keys.filter { key in
            guard !kept.contains(key), let path = RelativePath(Array(key.utf8.dropFirst(memory.location.mirrorPrefix.utf8.count)))
            else { return false }
            return Exclusions.neverStoredRule(path) == nil
        }
        let size = max(1, memory.store.capabilities.deleteBatch)
        for start in stride(from: 0, to: removed.count, by: size) {
            let failures = try await memory.store.delete(Array(removed[start..<min(start + size, removed.count)]))
            if let first = failures.first { throw first.error }
        }
    }

    private func report(_ entry: Entry, _ reason: String) {
        found.withLockedValue { $0.append(SyncResult.Problem(path: "\(entry.path)", reason: reason)) }
    }
}

extension FileFacts {
    func isSameContent(as other: FileFacts) -> Bool { digest == other.digest && size == other.size }
}
