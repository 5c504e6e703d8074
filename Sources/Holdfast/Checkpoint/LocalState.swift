import AgentDatabase
import AgentFiles
import Agents
import FileIO
import FoundationEssentials
import NIOCore
import ObjectStore
import Repository

/// What this machine remembers of a memory: the snapshot that it was synchronised with last, the files that were the same
/// then, and that snapshot's manifest.
///
/// Losing it costs time and requests, never data: a push without it merges without a base, a pull asks.
struct LocalState: Sendable {
    /// What was the same here and in the store.
    struct Base: Sendable {
        let snapshot: Snapshot
        /// The files as they were here, with the content that the snapshot has.
        let index: FileIndex
        /// The mirror view shows this snapshot, as far as this machine knows.
        let isMirrored: Bool
        /// The files that a pull was putting in place when it was killed: what is here may be from before or from them.
        var restoring: FileIndex?

        init(snapshot: Snapshot, index: FileIndex, isMirrored: Bool, restoring: FileIndex? = nil) {
            (self.snapshot, self.index, self.isMirrored, self.restoring) = (snapshot, index, isMirrored, restoring)
        }

        var files: KnownFiles { KnownFiles(index: index, restoring: restoring) }

        /// The start of a machine that has no file of a snapshot yet.
        init(nothingOf snapshot: Snapshot) {
            self.init(
                snapshot: snapshot, index: FileIndex(scope: "", base: [], takenAt: 0, entries: []), isMirrored: false)
        }

        /// What a merge looks at, in the order of the paths.
        ///
        /// After a pull that was killed, some files come from the index and the others from what was restored: those that
        /// have the content of the latter, and those that are gone because they are not in it.
        /// - Parameter here: the files as they are now.
        func facts(knowing here: [FileIndex.Entry]) -> [FileFacts] {
            guard let restoring else { return index.entries.map(\.facts) }
            let here = Dictionary(here.map { ($0.path, $0.sha256) }) { first, _ in first }
            let restored = restoring.entries.filter { here[$0.path] == $0.sha256 }
            let others = index.entries.filter { entry in
                guard let digest = here[entry.path] else { return restoring.entry(entry.path) != nil }
                return restoring.entry(entry.path)?.sha256 != digest
            }
            return (restored + others).map(\.facts).sorted { $0.path < $1.path }
        }
    }

    /// The head of the index file.
    private struct Record: Codable {
        let name: String
        let etag: String?
        let commit: Data
        let isMirrored: Bool
    }

    /// What a process was about to do. If it is still there, the process did not come to the end of it.
    struct Intent: Sendable {
        /// The snapshot that was being restored, or those that were about to be saved with the same files.
        let snapshots: [Snapshot]
        /// Side commits that have the files as they are here; each snapshot that is a merge names one of them.
        let sides: [Snapshot]
        let isRestore: Bool
        let index: FileIndex
    }

    /// The head of an intent's file.
    private struct IntentRecord: Codable {
        let isRestore: Bool
        let snapshots: [Record]
        let sides: [Record]
    }

    private let directory: String?
    private let name: String
    private let scope: String

    /// - Parameters:
    ///   - directory: `$XDG_STATE_HOME/holdfast`.
    ///   - store: memory and storage directory: together they name the pair of places.
    init(directory: String?, store: String, memory: String, storage: String) {
        self.directory = directory
        scope = [store, memory, storage].joined(separator: "\0")
        name = String(Digest(of: ByteBuffer(string: scope)).hexadecimal.prefix(32))
    }

    private var indexPath: String? { directory.map { "\($0)/\(name).index" } }
    private var intentPath: String? { directory.map { "\($0)/\(name).intent" } }
    private var manifestPath: String? { directory.map { "\($0)/\(name).manifest" } }
    private var savesPath: String? { directory.map { "\($0)/\(name).saves.json" } }
    private var restorePath: String? { directory.map { "\($0)/\(name).restore.json" } }
    private var heldPath: String? { directory.map { "\($0)/\(name).held.json" } }
    private var censusPath: String? { directory.map { "\($0)/\(name).sessions" } }
    private var damagePath: String? { directory.map { "\($0)/\(name).damage.json" } }

    /// Where the image of a followed database is kept.
    func path(ofImage database: [UInt8]) -> String? {
        directory.map { "\($0)/\(name).\(Digest(of: ByteBuffer(bytes: database)).hexadecimal.prefix(16)).image" }
    }

    /// What is remembered; `nil` if nothing usable is.
    func read() async -> Base? {
        guard let path = indexPath else { return nil }
        let scope = scope
        return try? await FileIO.run {
            guard let index = FileIndex.read(path: path, scope: scope),
                let record = try? JSONDecoder().decode(Record.self, from: Data(index.base)),
                let snapshot = Snapshot.kept(
                    name: record.name, bytes: ByteBuffer(bytes: record.commit), etag: record.etag.map { ETag($0) })
            else { return nil }
            return Base(snapshot: snapshot, index: index, isMirrored: record.isMirrored)
        }
    }

    /// What a process was about to do that has not come to the end of it.
    func intent() async -> Intent? {
        guard let path = intentPath else { return nil }
        let scope = scope
        return try? await FileIO.run {
            guard let index = FileIndex.read(path: path, scope: scope),
                let record = try? JSONDecoder().decode(IntentRecord.self, from: Data(index.base))
            else { return nil }
            func kept(_ record: Record) -> Snapshot? {
                Snapshot.kept(name: record.name, bytes: ByteBuffer(bytes: record.commit), etag: nil)
            }
            return Intent(
                snapshots: record.snapshots.compactMap(kept), sides: record.sides.compactMap(kept),
                isRestore: record.isRestore, index: index)
        }
    }

    /// An intent as it is written.
    struct EncodedIntent: Sendable {
        fileprivate let bytes: [UInt8]
    }

    /// Prepares the note of what is about to happen.
    /// - Parameters:
    ///   - sides: the side commits that have the files, of which a snapshot that is a merge names one.
    ///   - entries: what the files will be; is called on the file thread pool.
    /// - Throws: an error of the encoder.
    func encodeIntent(
        _ snapshots: [Snapshot], sides: [Snapshot] = [], isRestore: Bool, takenAt: Int64,
        _ entries: @escaping @Sendable () -> [FileIndex.Entry]
    ) async throws -> EncodedIntent {
        func record(_ snapshot: Snapshot) -> Record {
            Record(
                name: snapshot.name.description, etag: nil, commit: Data(snapshot.bytes.readableBytesView),
                isMirrored: false)
        }
        let head = IntentRecord(isRestore: isRestore, snapshots: snapshots.map(record), sides: sides.map(record))
        let base = Array(try JSONEncoder().encode(head))
        let scope = scope
        return try await FileIO.run {
            EncodedIntent(
                bytes: FileIndex(scope: scope, base: base, takenAt: takenAt, entries: entries()).encoded())
        }
    }

    /// Notes what is about to happen. ``write(_:_:_:takenAt:isMirrored:)`` strikes it out.
    /// - Throws: ``FileError``.
    func write(_ intent: EncodedIntent) async throws {
        guard let directory, let intentPath else { return }
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            try FileIndex.write(encoded: intent.bytes, to: intentPath)
        }
    }

    /// The manifest of a snapshot, if it is the one that is remembered.
    func manifest(of snapshot: Snapshot) async -> Manifest? {
        guard let path = manifestPath else { return nil }
        return try? await FileIO.run {
            let file = try File.open(path, [.read, .noFollow])
            var bytes = ByteBuffer()
            _ = try file.read(into: &bytes, count: Int(try file.status().size), at: 0)
            return Manifest(encoded: bytes, of: snapshot)
        }
    }

    /// Remembers a synchronisation. The index comes last: it is what counts.
    /// - Parameters:
    ///   - manifest: of the snapshot; `nil` if it is remembered already, or cannot be had.
    ///   - entries: files that are the same here and in the snapshot.
    ///   - takenAt: when the scan began that they come from, in nanoseconds since 1970.
    /// - Throws: ``FileError``.
    func write(
        _ snapshot: Snapshot, _ manifest: Manifest?, _ entries: [FileIndex.Entry], takenAt: Int64, isMirrored: Bool
    ) async throws {
        guard let directory, let indexPath, let manifestPath else { return }
        let record = Record(
            name: snapshot.name.description, etag: snapshot.etag?.text, commit: Data(snapshot.bytes.readableBytesView),
            isMirrored: isMirrored)
        let base = Array(try JSONEncoder().encode(record))
        let scope = scope
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            if let manifest { try replace(manifestPath, manifest.encoded()) }
            try FileIndex(scope: scope, base: base, takenAt: takenAt, entries: entries).write(to: indexPath)
            if let intentPath {
                let folder = try File.open(directory, [.read, .directory])
                let name = Array(intentPath.utf8.dropFirst(directory.utf8.count + 1))
                do throws(FileError) { try folder.remove(name) } catch {
                    if !error.isNotFound { throw error }
                }
            }
        }
    }

    /// Forgets what was the same here and in the store: the next push merges without a base, and removes nothing.
    /// - Throws: ``FileError``.
    func forget() async throws {
        guard let directory, let indexPath else { return }
        try await FileIO.run {
            let name = Array(indexPath.utf8.dropFirst(directory.utf8.count + 1))
            do throws(FileError) { try File.open(directory, [.read, .directory]).remove(name) } catch {
                if !error.isNotFound { throw error }
            }
        }
    }

    /// Remembers a manifest. It counts once ``write(_:_:_:takenAt:isMirrored:)`` names its snapshot.
    /// - Throws: ``FileError``.
    func write(_ manifest: Manifest) async throws {
        guard let directory, let manifestPath else { return }
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            try replace(manifestPath, manifest.encoded())
        }
    }

    /// What is remembered of saves.
    func saveRecord() async -> SaveRecord? {
        guard let path = savesPath else { return nil }
        return try? await FileIO.run {
            let bytes = try File.open(path, [.read, .noFollow]).bytes()
            return try JSONDecoder().decode(SaveRecord.self, from: Data(bytes))
        }
    }

    /// - Throws: ``FileError``.
    func write(_ record: SaveRecord) async throws {
        guard let directory, let savesPath else { return }
        let bytes = ByteBuffer(bytes: try JSONEncoder().encode(record))
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            try replace(savesPath, bytes)
        }
    }

    /// The sessions of the databases that were synchronised last, by the digests of their images.
    func censuses() async -> [Digest: SessionCensus] {
        guard let path = censusPath else { return [:] }
        let found = try? await FileIO.run {
            CensusCoding.decode(ByteBuffer(bytes: try File.open(path, [.read, .noFollow]).bytes()))
        }
        return found ?? [:]
    }

    /// - Throws: ``FileError``.
    func write(_ censuses: [Digest: SessionCensus]) async throws {
        guard let directory, let censusPath else { return }
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            try replace(censusPath, CensusCoding.encode(censuses))
        }
    }

    /// What is held back.
    func heldRecord() async -> HeldRecord {
        guard let path = heldPath else { return HeldRecord() }
        let found = try? await FileIO.run {
            let bytes = try File.open(path, [.read, .noFollow]).bytes()
            return try JSONDecoder().decode(HeldRecord.self, from: Data(bytes))
        }
        return found ?? HeldRecord()
    }

    /// - Throws: ``FileError``.
    func write(_ record: HeldRecord) async throws {
        guard let directory, let heldPath else { return }
        let bytes = ByteBuffer(bytes: try JSONEncoder().encode(record))
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            try replace(heldPath, bytes)
        }
    }

    /// Record of the last restore in a workflow run.
    func restoreRecord() async -> RestoreRecord? {
        guard let path = restorePath else { return nil }
        return try? await FileIO.run {
            let bytes = try File.open(path, [.read, .noFollow]).bytes()
            return try JSONDecoder().decode(RestoreRecord.self, from: Data(bytes))
        }
    }

    /// - Throws: ``FileError``.
    func write(_ record: RestoreRecord) async throws {
        guard let directory, let restorePath else { return }
        let bytes = ByteBuffer(bytes: try JSONEncoder().encode(record))
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            try replace(restorePath, bytes)
        }
    }

    /// Packs that this machine has found damaged: no save may refer to them.
    func damagedPacks() async -> Set<Digest> {
        guard let path = damagePath else { return [] }
        let names = try? await FileIO.run {
            let bytes = try File.open(path, [.read, .noFollow]).bytes()
            return try JSONDecoder().decode([String].self, from: Data(bytes))
        }
        return Set((names ?? []).compactMap { Digest(hex: $0) })
    }

    /// - Throws: ``FileError``.
    func write(damagedPacks packs: Set<Digest>) async throws {
        guard let directory, let damagePath else { return }
        let bytes = ByteBuffer(bytes: try JSONEncoder().encode(packs.map(\.hexadecimal).sorted()))
        try await FileIO.run {
            try makeDirectories(directory, permissions: 0o700)
            try replace(damagePath, bytes)
        }
    }

    private func replace(_ path: String, _ content: ByteBuffer) throws {
        let temporary = path + String(decoding: FileIO.temporaryName("-"), as: UTF8.self)
        let folder = try File.open(directory ?? ".", [.read, .directory])
        let names = (
            Array(temporary.utf8.dropFirst((directory?.utf8.count ?? 0) + 1)),
            Array(path.utf8.dropFirst((directory?.utf8.count ?? 0) + 1))
        )
        let file = try File.open(names.0, in: folder, [.write, .createNew], permissions: 0o600)
        do {
            try file.write(content, at: 0)
            try folder.rename(names.0, to: names.1, in: folder)
        } catch {
            try? folder.remove(names.0)
            throw error
        }
    }
}
