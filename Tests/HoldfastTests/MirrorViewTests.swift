import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Holdfast

@Suite("The mirror view beside snapshots")
struct MirrorViewTests {
    /// The files that the view shows.
    private func view(_ fixture: Fixture) async throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try await fixture.stored() {
            let key = ObjectKey(fixture.location.mirrorPrefix + name)
            found[name] = String(buffer: try await fixture.store.get(key).collect(upTo: 1 << 26))
        }
        return found
    }

    private func commits(_ fixture: Fixture) async throws -> Int {
        try await fixture.store.list(prefix: "\(fixture.location.key)/commits/").collect().count
    }

    @Test("It follows each snapshot: what changed is written, what was removed goes")
    func follows() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1", "dir/b": "1", "c": "1"])
            #expect(await fixture.memory().push().success)
            #expect(try await view(fixture) == ["a": "1", "dir/b": "1", "c": "1"])
            try fixture.write(["a": "2", "d": "2"])
            try fixture.remove("dir/b")
            #expect(await fixture.memory().push().success)
            #expect(try await view(fixture) == ["a": "2", "c": "1", "d": "2"])
        }
    }

    @Test(
        "A failed update is a warning, the snapshot is saved, and the next push completes the view",
        arguments: [true, false])
    func failedUpdate(isSameMachine: Bool) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["kept": "1", "removed": "1", "changed": "1"])
            #expect(await fixture.memory().push().success)
            try fixture.write(["new": "2", "changed": "2"])
            try fixture.remove("removed")
            let failing = FailingStore(
                base: fixture.store, key: ObjectKey(fixture.location.mirrorPrefix + "new"), kind: .unreachable)
            let push = await fixture.memory(store: failing).push()
            #expect(push.success)
            #expect(push.snapshot != nil)
            #expect(push.warnings.count == 1)
            #expect(push.warnings.first?.contains("as planned") == true)
            #expect(try await view(fixture).keys.contains("removed"))

            if isSameMachine {
                let count = try await commits(fixture)
                let again = await fixture.memory().push()
                #expect(again.success)
                #expect(again.warnings == [])
                #expect(again.snapshot == push.snapshot)
                #expect(again.transferredObjects == 0)
                #expect(try await commits(fixture) == count)
                #expect(try await view(fixture) == fixture.files())
            } else {
                #expect(await fixture.memory("b").pull().success)
                try fixture.write(["kept": "3"], on: "b")
                #expect(await fixture.memory("b").push().success)
                #expect(try await view(fixture) == ["kept": "3", "new": "2", "changed": "2"])
            }
        }
    }

    @Test("Where it is compared as a whole, files of the past go, and what no snapshot had stays")
    func strangers() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1", "past": "1"])
            #expect(await fixture.memory().push().success)
            try fixture.remove("past")
            #expect(await fixture.memory(keepsMirror: false).push().success)
            try await fixture.put("stranger", "the only copy")
            try await fixture.put("auth.json", "secret")
            try await fixture.put("folder/", "")
            // Nothing says any more what the view shows.
            _ = try await fixture.store.delete([ObjectKey("\(fixture.location.key)/mirror")])
            try fixture.write(["a": "2"])
            #expect(await fixture.memory().push().success)
            #expect(
                try await view(fixture) == [
                    "a": "2", "stranger": "the only copy", "auth.json": "secret", "folder/": "",
                ])
        }
    }

    @Test("Adopting a view deletes and rewrites nothing, also where two names collide")
    func adoption() async throws {
        try await Fixture.with { fixture in
            let there = ["Foo": "upper", "foo": "lower", "a": "1", "auth.json": "secret", "back\\slash": "x"]
            for (name, content) in there { try await fixture.put(name, content) }
            try fixture.write(["mine": "2"])
            let log = PutLog(base: fixture.store)
            let push = await fixture.memory(store: log).push()
            #expect(push.success)
            #expect(push.objectCount == 3)
            for name in ["foo", "auth.json", "back\\slash"] {
                #expect(push.warnings.contains { $0.contains("'\(name)' in the mirror view") }, "\(name)")
            }
            #expect(try await view(fixture) == there.merging(["mine": "2"]) { $1 })
            #expect(
                log.keys.filter { $0.hasPrefix(fixture.location.mirrorPrefix) }.map(\.text) == [
                    fixture.location.mirrorPrefix + "mine"
                ])
            #expect(await fixture.memory("b").pull().success)
            #expect(try fixture.files("b") == ["Foo": "upper", "a": "1", "mine": "2"])
        }
    }

    @Test("A large file that changes while it is written to the view is taken from the snapshot")
    func changing() async throws {
        try await Fixture.with { fixture in
            let large = String(repeating: "0123456789abcdef", count: 640 * 1024)
            try fixture.write(["large": large])
            let path = fixture.storage() + "/large"
            let store = PutLog(base: fixture.store, failsOnce: true) { key, body throws(StoreError) in
                guard case .file = body, key.text.hasSuffix("/large") else { return }
                // What any store does that finds the file changed behind the upload.
                guard let handle = FileHandle(forWritingAtPath: path) else { return }
                handle.write(Data("new".utf8))
                try? handle.close()
                throw StoreError(.sourceChanged, "write", key: key, "changed while it was read")
            }
            let push = await fixture.memory(store: store).push()
            #expect(push.success)
            #expect(push.warnings == [])
            #expect(try await view(fixture) == ["large": large])
        }
    }
}

/// A store that notes what is written, and may fail before it is.
final class PutLog: ObjectStore {
    typealias Fault = @Sendable (ObjectKey, ObjectBody) throws(StoreError) -> Void

    let base: any ObjectStore
    private let fault: Fault
    private let written = NIOLockedValueBox<[ObjectKey]>([])
    private let hasFailed = NIOLockedValueBox(false)
    private let failsOnce: Bool

    /// - Parameter failsOnce: after its first failure the store is sound.
    init(base: any ObjectStore, failsOnce: Bool = false, _ fault: @escaping Fault = { _, _ throws(StoreError) in }) {
        (self.base, self.fault, self.failsOnce) = (base, fault, failsOnce)
    }

    var keys: [ObjectKey] { written.withLockedValue { $0 } }

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }
    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try await base.get(key, range: range, ifMatch: ifMatch)
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await base.head(key) }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        if !(failsOnce && hasFailed.withLockedValue { $0 }) {
            do throws(StoreError) { try fault(key, body) } catch {
                hasFailed.withLockedValue { $0 = true }
                throw error
            }
        }
        written.withLockedValue { $0.append(key) }
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
