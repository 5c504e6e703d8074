import FileIO
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Testing

@testable import Holdfast
@testable import Repository

@Suite("What another tool writes into the mirror view")
struct MirrorEditTests {
    @Test("It is taken in with the next save, and named")
    func takenIn() async throws {
        try await withFolder { store in
            try await Fixture.with(store) { fixture in
                try fixture.write(["a": "v1", "b": "v1"])
                #expect(await fixture.memory().push().success)
                try await fixture.put("a", "by another tool")
                try await fixture.put("new", "by another tool")
                try fixture.write(["b": "v2"])
                let push = await fixture.memory().push()
                #expect(push.success, "\(push)")
                #expect(push.warnings.contains { $0.contains("mirror view") && $0.contains("'a', 'new'") })
                #expect(await fixture.memory("c").pull().success)
                #expect(try fixture.files("c") == ["a": "by another tool", "b": "v2", "new": "by another tool"])
                // Once.
                try fixture.write(["b": "v3"])
                #expect(await fixture.memory().push().warnings == [])
            }
        }
    }

    @Test("An edit of a file that changed here as well is in the history")
    func conflict() async throws {
        try await withFolder { store in
            try await Fixture.with(store) { fixture in
                try fixture.write(["a": "v1"])
                #expect(await fixture.memory().push().success)
                try await fixture.put("a", "by another tool")
                try fixture.write(["a": "v2"])
                let push = await fixture.memory().push()
                #expect(push.success, "\(push)")
                let repository = fixture.memory().repository
                var versions: Set<String> = []
                for snapshot in try await repository.history().snapshots {
                    for entry in try await repository.manifest(of: snapshot).entries {
                        versions.insert(String(buffer: try await repository.content(of: entry)))
                    }
                }
                #expect(versions == ["v1", "v2", "by another tool"])
            }
        }
    }

    @Test("What a save has written that was cut off is no edit of others")
    func ownWork() async throws {
        try await withFolder { store in
            try await Fixture.with(store) { fixture in
                try fixture.write(["a": "v1"])
                #expect(await fixture.memory().push().success)
                try fixture.write(["a": "v2"])
                #expect(await fixture.memory(keepsMirror: false).push().success)
                let tip = try #require(try await fixture.memory().repository.heads().tip)
                // As far as it came before it was killed.
                try await fixture.put("a", "v2")
                let first = try #require(try await fixture.memory().repository.parents(of: tip).first)
                _ = try await fixture.memory().rollback(to: first)
                try fixture.write(["b": "new"], on: "c")
                #expect(await fixture.memory("c").push().success)
                #expect(await fixture.memory("d").pull().success)
                #expect(try fixture.files("d") == ["a": "v1", "b": "new"])
            }
        }
    }

    @Test("What another machine saves and writes there meanwhile is no edit: the later of two versions wins")
    func savedMeanwhile() async throws {
        try await withFolder { store in
            try await Fixture.with(store) { fixture in
                try fixture.write(["a": "v1"])
                #expect(await fixture.memory().push().success)
                #expect(await fixture.memory("b").pull().success)
                try fixture.write(["a": "earlier"])
                try set(2, ofItemAtPath: "\(fixture.storage())/a")
                try fixture.write(["a": "later"], on: "b")
                try set(3, ofItemAtPath: "\(fixture.storage("b"))/a")
                let interrupted = InterruptedStore(objects: store, prefix: fixture.location.mirrorPrefix) {
                    let push = await fixture.memory().push()
                    #expect(push.success, "\(push)")
                }
                let push = await fixture.memory("b", store: interrupted).push()
                #expect(push.success, "\(push)")
                #expect(interrupted.isDone)
                #expect(!push.warnings.contains { $0.contains("another tool") }, "\(push.warnings)")
                #expect(await fixture.memory("c").pull().success)
                #expect(try fixture.files("c") == ["a": "later"])
                #expect(try await fixture.memory().repository.history().snapshots.count(where: \.isPlain) == 3)
            }
        }
    }

    private func set(_ second: Int, ofItemAtPath path: String) throws {
        let time = Date(timeIntervalSince1970: 1_700_000_000 + Double(second))
        try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
    }

    private func withFolder(_ body: (any ObjectStore) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(FileObjectStore(root: folder))
    }
}

extension Snapshot {
    fileprivate var isPlain: Bool { !commit.isSide }
}

/// A store where something happens right before a prefix is listed for the first time.
private struct InterruptedStore: ObjectStore {
    let objects: any ObjectStore
    let prefix: String
    private let work: NIOLockedValueBox<(@Sendable () async -> Void)?>

    init(objects: any ObjectStore, prefix: String, work: @escaping @Sendable () async -> Void) {
        self.objects = objects
        self.prefix = prefix
        self.work = NIOLockedValueBox(work)
    }

    var isDone: Bool { work.withLockedValue { $0 == nil } }
    var location: String { objects.location }
    var capabilities: StoreCapabilities { objects.capabilities }

    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        if prefix == self.prefix {
            let work = work.withLockedValue { work in
                defer { work = nil }
                return work
            }
            await work?()
        }
        return try await objects.page(prefix: prefix, after: token, limit: limit)
    }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try await objects.get(key, range: range, ifMatch: ifMatch)
    }

    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await objects.head(key) }

    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try await objects.put(key, body, rule)
    }

    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await objects.delete(keys) }

    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try await objects.holds(body, as: object)
    }
}
