import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Testing

@testable import Repository

/// A prune that cannot be sure removes no pack.
@Suite("Pruning in doubt") struct PruneDoubtTests {
    private static let now = PrunePolicy(keepLast: 1, keepWithin: .zero, grace: .zero)

    /// A memory with a pack that no snapshot needs: the first snapshot's is left over when only the last is kept.
    private func memory() async throws -> (MemoryObjectStore, Machine) {
        let store = MemoryObjectStore()
        var machine = Machine(store)
        for content in ["first", "second", "third"] {
            machine.write("a", content)
            try await machine.save()
        }
        return (store, machine)
    }

    private func packs(_ store: MemoryObjectStore, _ machine: Machine) async throws -> Int {
        try await store.list(prefix: machine.repository.packPrefix).collect().count
    }

    @Test("removes what two passes saw unused")
    func removes() async throws {
        let (store, machine) = try await memory()
        #expect(try await machine.repository.prune(Self.now).removedSnapshots.count == 2)
        #expect(try await packs(store, machine) == 3)
        #expect(try await machine.repository.prune(Self.now).removedPacks == 2)
        #expect(try await packs(store, machine) == 1)
    }

    @Test("removes no pack while a commit cannot be read, since nobody knows what it needs")
    func damagedCommit() async throws {
        let (store, machine) = try await memory()
        _ = try await machine.repository.prune(Self.now)
        let name = CommitName(sequence: 2, nonce: String(repeating: "a", count: 32))
        try await store.put(machine.repository.key(of: name), .bytes(ByteBuffer(string: "{")), .createOnly)
        let report = try await machine.repository.prune(Self.now)
        #expect(report.removedPacks == 0)
        #expect(report.failures.contains { $0.contains("\(name)") })
        #expect(try await packs(store, machine) == 3)
    }

    @Test("removes a commit that cannot be read once no policy keeps it, and goes on")
    func damagedCommitExpires() async throws {
        let (store, machine) = try await memory()
        let second = CommitName(sequence: 2)
        try await store.put(machine.repository.key(of: second), .bytes(ByteBuffer(string: "{")), .overwrite)
        let first = try await machine.repository.prune(Self.now)
        #expect(first.removedSnapshots.contains("\(second)"))
        #expect(first.failures.count == 1)
        let next = try await machine.repository.prune(Self.now)
        #expect(next.failures.isEmpty)
        #expect(next.removedPacks == 2)
        #expect(try await machine.repository.verify(readData: true).damages.isEmpty)
    }

    @Test("A commit that cannot be read stays as long as fewer are there than are to be kept")
    func damagedCommitIsKept() async throws {
        let (store, machine) = try await memory()
        let first = machine.repository.key(of: CommitName(sequence: 1))
        try await store.put(first, .bytes(ByteBuffer(string: "{")), .overwrite)
        let policy = PrunePolicy(keepLast: 3, keepWithin: .zero, grace: .zero)
        #expect(try await machine.repository.prune(policy).removedSnapshots.isEmpty)
        #expect(try await store.find(first) != nil)
    }

    /// A merge behind which another snapshot stands, and its side commit.
    private func merge() async throws -> (CommitGraph, merge: Snapshot, side: ObjectKey) {
        let graph = try await CommitGraph()
        let side = try await graph.add(2, nonce: "b", parents: [graph.first]) { $0.isSide = true }
        let merge = try await graph.add(3, parents: [graph.first], sides: [side])
        try await graph.add(4, parents: [merge])
        return (graph, merge, graph.repository.key(of: side.name))
    }

    @Test("A side commit goes in a later prune than its merge")
    func side() async throws {
        let (graph, _, side) = try await merge()
        _ = try await graph.repository.prune(Self.now)
        #expect(try await graph.store.find(side) != nil)
        _ = try await graph.repository.prune(Self.now)
        #expect(try await graph.store.find(side) == nil)
    }

    @Test("A side commit that cannot be read goes in a later prune than its merge, too")
    func damagedSide() async throws {
        let (graph, merge, side) = try await merge()
        try await graph.store.put(side, .bytes(ByteBuffer(string: "{")), .overwrite)
        _ = try await graph.repository.prune(Self.now)
        #expect(try await graph.store.find(graph.repository.key(of: merge.name)) == nil)
        #expect(try await graph.store.find(side) != nil)
        _ = try await graph.repository.prune(Self.now)
        #expect(try await graph.store.find(side) == nil)
    }

    @Test("A side commit stays while a commit cannot be read, which may name it")
    func sideOfDamagedMerge() async throws {
        let (graph, merge, side) = try await merge()
        try await graph.damage(merge)
        _ = try await graph.repository.prune(PrunePolicy(keepLast: 16, keepWithin: .zero, grace: .zero))
        #expect(try await graph.store.find(side) != nil)
    }

    @Test("a mark that cannot be read counts as one that saw nothing unused")
    func damagedMark() async throws {
        let (store, machine) = try await memory()
        _ = try await machine.repository.prune(Self.now)
        let spoiled = ObjectKey("\(machine.repository.prunePrefix)spoiled")
        try await store.put(spoiled, .bytes(ByteBuffer(string: "{")), .createOnly)
        let marks = try await machine.repository.marks()
        #expect(marks.map(\.packs.isEmpty) == [true, true] || marks.last?.packs.isEmpty == true)
        #expect(marks.count == 2)
    }
}

@Suite("A save that was asleep") struct SlowSaveTests {
    @Test("is not acknowledged when it wakes behind half of the grace, even if its commit was created")
    func asleepWhileCommitting() async throws {
        let clock = NIOLockedValueBox(Duration.zero)
        let store = SleepyStore { clock.withLockedValue { $0 += Repository.longestSave } }
        var environment = RepositoryEnvironment.live
        environment.uptime = { clock.withLockedValue { $0 } }
        var machine = Machine(store, environment: environment)
        machine.write("a", "content")
        let error = await #expect(throws: RepositoryError.self) { try await machine.save() }
        #expect(error?.kind == .tooSlow)
    }
}

/// A store in memory that lets time pass while a commit is created.
private struct SleepyStore: ObjectStore {
    let base = MemoryObjectStore()
    let sleep: @Sendable () -> Void

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try await base.get(key, range: range, ifMatch: ifMatch)
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await base.head(key) }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        if key.text.contains("/commits/") { sleep() }
        return try await base.put(key, body, rule)
    }
    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try await base.page(prefix: prefix, after: token, limit: limit)
    }
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await base.delete(keys) }
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try await base.holds(body, as: object)
    }
}
