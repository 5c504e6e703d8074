import Foundation
import NIOCore
import ObjectStore
import Repository
import S3Store
import TestSupport
import Testing

@testable import Holdfast

/// The table of rights says what the code does, and nothing more.
@Suite("What each role does with a memory")
struct MemoryRoleTests {
    private func expected(_ role: MemoryRole, keepsMirror: Bool = true) -> Set<RecordingStore.Use> {
        Set(
            MemoryPart.allCases.flatMap { part in
                role.operations(on: part, keepsMirror: keepsMirror).map { .init(operation: $0, part: part) }
            })
    }

    /// A pack takes more than one request only where frames fill it to the last bytes, so that its table comes on top.
    private static let rare = RecordingStore.Use(operation: .writeInParts, part: .packs)

    private func expect(_ store: RecordingStore, does expected: Set<RecordingStore.Use>) {
        #expect(store.unknown == [])
        let more = store.uses.subtracting(expected).map(\.description).sorted()
        let less = expected.subtracting(store.uses).subtracting([Self.rare]).map(\.description).sorted()
        #expect(more == [], "done, and not in the table")
        #expect(less == [], "in the table, and never done")
    }

    private func ok(_ result: SyncResult) { #expect(result.error == nil && result.success) }

    /// Does not compress, and is larger than what is written with one request.
    private func large() throws -> Data {
        let handle = try #require(FileHandle(forReadingAtPath: "/dev/urandom"))
        return try #require(try handle.read(upToCount: 12_000_000))
    }

    @Test("A run does what its row of the table says, no more and no less", arguments: [true, false])
    func run(_ keepsMirror: Bool) async throws {
        try await Fixture.with { fixture in
            let store = RecordingStore(fixture.store, memory: fixture.location.key)
            func memory(_ machine: String) -> Memory {
                fixture.memory(machine, store: store, keepsMirror: keepsMirror)
            }
            // Another tool's tree is adopted.
            try await fixture.put("adopted", "1")
            try fixture.write(["adopted": "1", "old": "1"])
            ok(await memory("a").push())
            // Large enough for parts in the view, and for several packs.
            try large().write(to: URL(fileURLWithPath: "\(fixture.storage())/large"))
            ok(await memory("a").push())
            ok(await memory("b").pull())
            // Something goes, while somebody else saves.
            try fixture.remove("old")
            try fixture.write(["new": "1"])
            try fixture.write(["other": "1"], on: "b")
            let others = fixture.memory("b", keepsMirror: keepsMirror)
            store.beforeNextMirrorWrite { ok(await others.push()) }
            ok(await memory("a").push())
            ok(await memory("a").pull())
            let repository = memory("a").repository
            let older = try await repository.snapshot(named: "latest~1")
            _ = try await memory("a").rollback(to: older)
            #expect(try await repository.verify(readData: true).damages.isEmpty)
            _ = try await memory("a").status()
            // Without commits the view itself is restored.
            let keys = try await fixture.store.list(prefix: "\(fixture.location.key)/commits/").collect().map(\.key)
            _ = try await fixture.store.delete(keys)
            ok(await memory("c").pull())
            expect(store, does: expected(.run, keepsMirror: keepsMirror))
        }
    }

    @Test("Who only restores does what its row of the table says, no more and no less")
    func read() async throws {
        try await Fixture.with { fixture in
            let store = RecordingStore(fixture.store, memory: fixture.location.key)
            let reader = fixture.memory("b", store: store)
            try await fixture.put("a", "1")
            ok(await reader.pull())
            try fixture.write(["a": "1", "b": "2"])
            ok(await fixture.memory().push())
            ok(await reader.pull())
            _ = try await reader.status()
            #expect(try await reader.repository.verify(readData: true).damages.isEmpty)
            #expect(try await !reader.repository.history().snapshots.isEmpty)
            expect(store, does: expected(.read))
        }
    }

    @Test("A prune does what its row of the table says, no more and no less")
    func prune() async throws {
        try await Fixture.with { fixture in
            let store = RecordingStore(fixture.store, memory: fixture.location.key)
            for number in 1...3 {
                try fixture.write(["a": "\(number)"])
                ok(await fixture.memory().push())
            }
            let probe = ObjectKey("\(fixture.location.key)/probes/left-over")
            try await fixture.store.put(probe, .bytes(ByteBuffer(string: "1")), .overwrite)
            let policy = PrunePolicy(keepLast: 1, keepWithin: .zero, grace: .zero)
            let repository = fixture.memory(store: store).repository
            var removed = 0
            for _ in 1...3 {
                let report = try await repository.prune(policy)
                #expect(report.failures == [])
                removed += report.removedPacks
            }
            #expect(removed > 0)
            #expect(try await fixture.store.find(probe) == nil)
            expect(store, does: expected(.prune))
        }
    }
}
