import FileIO
import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Holdfast

@Suite("Push and pull of the mirror view")
struct MirrorTests {
    static let state = [
        ".version": "1", "session/p/ses_1.json": #"{"id":1}"#, "message/ses_1/msg_1.json": "{}", "empty": "",
        "part/msg_1/prt_é.json": "☕",
    ]

    @Test("What one machine pushes, another pulls, byte for byte")
    func roundTrip() async throws {
        try await Fixture.with { fixture in
            try fixture.write(Self.state)
            let pushed = await fixture.memory().push()
            #expect(pushed.success)
            #expect(pushed.objectCount == Self.state.count)
            #expect(pushed.totalBytes == Int64(Self.state.values.reduce(0) { $0 + $1.utf8.count }))
            #expect(pushed.transferredObjects == Self.state.count)

            let pulled = await fixture.memory("b").pull()
            #expect(pulled.success)
            #expect(pulled.objectCount == Self.state.count)
            #expect(pulled.totalBytes == pushed.totalBytes)
            #expect(try fixture.files("b") == Self.state)
        }
    }

    @Test("The keys are those of RFC-019")
    func keys() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["session/p/ses_1.json": "{}"])
            _ = await fixture.memory().push()
            let keys = try await fixture.store.list(prefix: fixture.location.mirrorPrefix).collect().map(\.key.text)
            #expect(keys == ["opencode-storage/github/owner-repo/storage/session/p/ses_1.json"])
        }
    }

    @Test("A second push and a second pull transfer nothing")
    func unchanged() async throws {
        try await Fixture.with { fixture in
            try fixture.write(Self.state)
            _ = await fixture.memory().push()
            let push = await fixture.memory().push()
            #expect(push.transferredObjects == 0)
            #expect(push.objectCount == Self.state.count)
            _ = await fixture.memory("b").pull()
            let pull = await fixture.memory("b").pull()
            #expect(pull.success)
            #expect(pull.transferredObjects == 0)
            #expect(pull.transferredBytes == 0)
        }
    }

    @Test("Where the store's tags say nothing of the content, what was remembered does")
    func opaqueTags() async throws {
        try await Fixture.with { fixture in
            let store = OpaqueStore(base: fixture.store)
            for (path, content) in Self.state { try await fixture.put(path, content) }
            #expect(await fixture.memory("b", store: store).pull().transferredObjects == Self.state.count)
            #expect(await fixture.memory("b", store: store).pull().transferredObjects == 0)
            // Somebody else wrote the same size: the tag is another one, so nothing is proven.
            try await fixture.put(".version", "2")
            #expect(await fixture.memory("b", store: store).pull().transferredObjects == 1)
            #expect(try fixture.files("b")[".version"] == "2")
        }
    }

    @Test("A change that keeps size and time is found by its content")
    func sameSizeAndTime() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "old", "b": "same"])
            let path = fixture.storage() + "/a"
            let before = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
            _ = await fixture.memory().push()
            try fixture.write(["a": "new"])
            try FileManager.default.setAttributes([.modificationDate: try #require(before)], ofItemAtPath: path)
            let result = await fixture.memory().push()
            #expect(result.transferredObjects == 1)
            _ = await fixture.memory("b").pull()
            #expect(try fixture.files("b") == ["a": "new", "b": "same"])
        }
    }

    @Test("A missing storage directory is an empty memory, and an empty memory is no error")
    func empty() async throws {
        try await Fixture.with { fixture in
            let push = await fixture.memory().push()
            #expect(push.success)
            #expect(push.objectCount == 0)
            let pull = await fixture.memory().pull()
            #expect(pull.success)
            #expect(pull.objectCount == 0)
            #expect(FileManager.default.fileExists(atPath: fixture.storage()) == false)
        }
    }

    @Test("A memory whose name starts with ours is another memory")
    func neighbours() async throws {
        try await Fixture.with { fixture in
            for neighbour in ["owner-repo2/storage/x", "owner-repo/storage2/x", "owner-repo/storagex", "owner/repo/x"] {
                let key = ObjectKey("opencode-storage/github/\(neighbour)")
                try await fixture.store.put(key, .bytes(ByteBuffer(string: "not ours")), .overwrite)
            }
            let pull = await fixture.memory().pull()
            #expect(pull.success)
            #expect(pull.objectCount == 0)
        }
    }

    @Test("Secrets, temporary files and SQLite's side files are never stored")
    func neverStored() async throws {
        try await Fixture.with { fixture in
            let secrets = [
                "auth.json", "deep/er/mcp-auth.json", "account.json", ".env", "tls/x.key", "x.PEM", "a.tmp",
                "opencode.db-wal", "opencode.db-shm", "opencode.db-journal",
            ]
            try fixture.write(Dictionary(uniqueKeysWithValues: (secrets + ["kept.json"]).map { ($0, "planted") }))
            let result = await fixture.memory(including: ["**"]).push()
            #expect(result.success)
            #expect(result.skipped.excluded == secrets.count)
            let stored = try await fixture.stored()
            #expect(stored == ["kept.json"])
        }
    }

    @Test("Directories that are left out by default are taken when asked for")
    func leftOut() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["session_share/s.json": "secret", "log/a.log": "l", "session/s.json": "s"])
            _ = await fixture.memory().push()
            var stored = try await fixture.stored()
            #expect(stored == ["session/s.json"])
            _ = await fixture.memory(including: ["log/**"]).push()
            stored = try await fixture.stored()
            #expect(stored == ["log/a.log", "session/s.json"])
        }
    }

    @Test(
        "Links are counted, not followed; a name that is no text is in the snapshot, and named as missing in the mirror"
    )
    func oddFiles() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a.json": "{}"])
            let root = try File.open(fixture.storage(), [.read, .directory])
            #expect(symlink("/etc/passwd", fixture.storage() + "/link") == 0)
            _ = try File.open([0x66, 0xFF, 0x6F], in: root, [.write, .createNew])
            let result = await fixture.memory().push()
            #expect(result.success)
            #expect(result.skipped.links == 1)
            #expect(result.mirrorProblems.map(\.path) == ["f\\xffo"])
            #expect(result.objectCount == 2)
            #expect(await fixture.memory("b").pull().objectCount == 2)
            let there = try File.open(fixture.storage("b"), [.read, .directory])
            #expect(try there.entries().map(\.name) == [Array("a.json".utf8), [0x66, 0xFF, 0x6F]])
            let stored = try await fixture.stored()
            #expect(stored == ["a.json"])
        }
    }

    @Test("A file of 255 bytes of name, and a large one, go round")
    func extremes() async throws {
        try await Fixture.with { fixture in
            let long = String(repeating: "n", count: 255)
            let large = String(repeating: "0123456789abcdef", count: 640 * 1024)
            try fixture.write([long: "x", "large": large, "medium": String(repeating: "m", count: 3 << 20)])
            #expect(await fixture.memory().push().success)
            #expect(await fixture.memory("b").pull().success)
            #expect(try fixture.files("b") == fixture.files("a"))
        }
    }
}

/// A store that cannot tell what an object holds, as with KMS.
private struct OpaqueStore: ObjectStore {
    let base: any ObjectStore
    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }
    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try await base.get(key, range: range, ifMatch: ifMatch)
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await base.head(key) }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try await base.put(key, body, rule)
    }
    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try await base.page(prefix: prefix, after: token, limit: limit)
    }
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await base.delete(keys) }
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool { false }
}
