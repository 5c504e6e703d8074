import FileIO
import NIOCore
import ObjectStore

@testable import Repository

/// Commits of any shape, made by hand, that all have the files of one manifest.
struct CommitGraph: Sendable {
    let store: MemoryObjectStore
    let repository: Repository
    /// The root of the graph, commit 1.
    let first: Snapshot
    let memoryID = String(repeating: "a", count: 32)
    /// Places of the same manifest by format.
    private let places: [Int: Commit.ManifestPlace]

    /// - Parameter format: of the first commit.
    init(format: Int = 2) async throws {
        var memory = ForgedMemory()
        var places: [Int: Commit.ManifestPlace] = [:]
        for version in [3 - format, format] {
            try await memory.write(format: version)
            places[version] = try await memory.repository.heads().tip?.commit.manifest
        }
        self.places = places
        store = memory.store
        repository = memory.repository
        guard let tip = try await repository.heads().tip else { throw FormatError("the memory is empty") }
        first = tip
    }

    /// Adds a commit.
    /// - Parameters:
    ///   - nonce: a hex digit, for a unique name.
    ///   - ancestors: what it names; all that its parents and sides contain if `nil`.
    @discardableResult
    func add(
        _ sequence: UInt64, nonce digit: Character? = nil, parents: [Snapshot] = [], sides: [Snapshot] = [],
        format: Int = 2, ancestors: [Snapshot]? = nil, memory: String? = nil,
        _ change: (inout Commit) -> Void = { _ in }
    ) async throws -> Snapshot {
        let nonce = String(repeating: digit ?? "0", count: 32)
        var named = Set((ancestors ?? parents + sides).map { Commit.Ancestor($0.reference) })
        if ancestors == nil { for snapshot in parents + sides { named.formUnion(snapshot.commit.ancestors) } }
        guard let place = places[format] else { throw FormatError("no such format") }
        var commit = Commit.forged(
            sequence: sequence, nonce: nonce, memory: memory ?? memoryID, parents: parents.map(\.reference),
            sides: sides.map(\.reference),
            ancestors: Array(named.sorted { $0.name < $1.name }.prefix(Commit.ancestorLimit)), manifest: place)
        commit.format = format
        change(&commit)
        let name = CommitName(sequence: sequence, nonce: digit == nil ? nil : nonce)
        let bytes = format == 1 ? try commit.format1() : try commit.encode()
        try await store.put(repository.key(of: name), .bytes(bytes), .overwrite)
        return try Snapshot(name: name, bytes: bytes, etag: nil)
    }

    /// Adds a chain of commits behind a snapshot, each the child of the one before.
    func chain(_ numbers: ClosedRange<UInt64>, after snapshot: Snapshot, format: Int = 2) async throws -> [Snapshot] {
        var chain: [Snapshot] = []
        for number in numbers { chain.append(try await add(number, parents: [chain.last ?? snapshot], format: format)) }
        return chain
    }

    func remove(_ snapshots: Snapshot...) async throws {
        for snapshot in snapshots { _ = try await store.delete([repository.key(of: snapshot.name)]) }
    }

    func damage(_ snapshots: Snapshot...) async throws {
        for snapshot in snapshots {
            try await store.put(repository.key(of: snapshot.name), .bytes(ByteBuffer(string: "{")), .overwrite)
        }
    }

    func restore(_ snapshots: Snapshot...) async throws {
        for snapshot in snapshots {
            try await store.put(repository.key(of: snapshot.name), .bytes(snapshot.bytes), .overwrite)
        }
    }

    /// Saves the newest files and some new ones, as a machine does that remembers nothing.
    @discardableResult
    func save(_ files: [String] = []) async throws -> Snapshot {
        let newest = try await repository.newest()
        let writer = SnapshotWriter(repository, upon: newest)
        var state = (newest.manifest?.entries ?? []).map { SaveRequest.File.stored($0) }
        for file in files { state.append(.new(try await Machine.write(file, file, 1, to: writer))) }
        state.sort { $0.path < $1.path }
        return try await repository.save(writer, SaveRequest(files: state, base: nil, writer: "test")).snapshot
    }
}
