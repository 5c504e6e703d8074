import ActionsCache
import Basics
import FileIO
import Foundation
import ObjectStore
import Repository
import Testing

@testable import Holdfast

@Suite("Saving to the store and the cache")
struct WriteThroughTests {
    private let state = RestoreTests.state

    @Test(
        "A save marks the state with its version and brings it to both; the copy is the same snapshot and nothing else")
    func both() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try runs.fixture.write(state)
            let save = await runs.save("a")
            #expect(save.store == .saved)
            #expect(save.cache == .saved)
            #expect(save.cacheKey == "opencode-storage-github-owner-repo-main-Linux-a")
            #expect(save.sync.success)
            #expect(try runs.fixture.files()[".version"] == "1")
            #expect(try await runs.fixture.stored().contains(".version"))
            // What was just written is at hand, so that the copy costs no request for content.
            #expect(!store.takeCalls().contains { $0.hasPrefix("get packs/") })
            let copy = FileObjectStore(root: try #require(runs.cache.newest))
            let repository = Repository(
                store: copy, memory: runs.fixture.location.key, repository: "owner/repo", agent: "github",
                logger: .silent)
            let heads = try await repository.heads()
            #expect(heads.snapshots.map(\.id.hexadecimal) == [save.sync.snapshot])
            for key in try await copy.list(prefix: "").collect().map(\.key.text) {
                #expect(key.contains("/packs/") || key.contains("/commits/"), "\(key)")
            }
        }
    }

    @Test("The copy for the cache holds of old packs only what is live, and shrinks to that")
    func compact() async throws {
        try await WriteThroughFixture.with { runs in
            let old = letters(6 << 20, seed: 1)
            try runs.fixture.write(["old.txt": old, "kept.json": #"{"kept":true}"#])
            try #require(await runs.save("a").cache == .saved)
            try runs.fixture.remove("old.txt")
            try runs.fixture.write(["new.json": "{}"])
            let save = await runs.save("a2-same-machine", machine: "a")
            try #require(save.cache == .saved, "\(save)")
            let copy = try #require(runs.cache.newest)
            var filled = 0
            for path in try FileManager.default.subpathsOfDirectory(atPath: copy) where path.contains("/packs/") {
                guard let data = try? Data(contentsOf: URL(fileURLWithPath: "\(copy)/\(path)")) else { continue }
                filled += data.count { $0 != 0 }
            }
            // Six MiB of letters would be some four compressed.
            #expect(filled < 1 << 20, "\(filled)")
            let restore = await runs.restore("b", .cacheFirst)
            #expect(restore.source == .cache)
            #expect(try runs.fixture.files("b") == ["kept.json": #"{"kept":true}"#, "new.json": "{}", ".version": "1"])
        }
    }

    @Test("An empty state saves nothing, whatever marker it has", arguments: [[:], [".version": "1"]])
    func empty(_ files: [String: String]) async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try runs.fixture.write(files)
            let save = await runs.save("a")
            #expect(save.isEmpty)
            #expect(save.store == .skipped)
            #expect(save.cache == .skipped)
            #expect(save.sync.success)
            #expect(store.takeCalls() == [])
            #expect(runs.cache.savedKeys == [])
            #expect(try runs.fixture.files() == files)
        }
    }

    @Test(
        "What the cache answers is said, and never called saved when it is not",
        arguments: [
            (CacheSaveOutcome.exists, WriteThroughResult.CacheStatus.exists, 0, 1),
            (.denied("cache write denied"), .denied, 0, 1), (.rateLimited("429"), .failed, 1, 0),
            (.failed(reason: "reset"), .failed, 1, 0),
        ])
    func cacheAnswers(
        _ outcome: CacheSaveOutcome, status: WriteThroughResult.CacheStatus, warnings: Int, notices: Int
    ) async throws {
        try await WriteThroughFixture.with { runs in
            try runs.fixture.write(state)
            runs.cache.answer(save: outcome)
            let save = await runs.save("a")
            #expect(save.cache == status)
            #expect(save.store == .saved)
            #expect(save.sync.success)
            #expect(save.sync.warnings.count == warnings)
            #expect(save.notices.count == notices)
        }
    }

    @Test("Without a store, a cache that fails is a failure; one that has the entry, or lets nobody write, is not")
    func cacheOnlyAnswers() async throws {
        try await WriteThroughFixture.with { runs in
            try runs.fixture.write(state)
            runs.cache.answer(save: .failed(reason: "reset"))
            let failed = await runs.save("a", .cacheOnly)
            #expect(failed.cache == .failed)
            #expect(failed.sync.error?.code == .cacheFailed)
            runs.cache.answer(save: .exists)
            #expect(await runs.save("a", .cacheOnly).sync.success)
        }
    }

    @Test(
        "With the store down the state goes into the cache, and from there to the next run and to the store",
        arguments: [StoreError.Kind.unreachable, .denied])
    func storeDown(_ kind: StoreError.Kind) async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try runs.fixture.write(state)
            let first = await runs.save("a")
            _ = await runs.restore("b")
            try runs.fixture.write(["session/p/ses_2.json": "{}"], on: "b")
            try runs.fixture.remove("message/m/1.json", on: "b")
            store.fail(kind)
            let save = await runs.save("b")
            #expect(save.store == .failed)
            #expect(save.cache == .saved)
            #expect(save.sync.error?.code == kind.code)
            #expect(save.sync.snapshot != first.sync.snapshot)
            // The next run has it, although the store is up again and knows less.
            store.fail(nil)
            let restore = await runs.restore("c")
            #expect(restore.source == .cache)
            #expect(try runs.fixture.files("c") == runs.fixture.files("b"))
            #expect(await runs.save("c").store == .saved)
            #expect(await runs.restore("d", usesCache: false).source == .s3)
            // All of it; of what is missing in it the store only knows that it never had it.
            let saved = try runs.fixture.files("b")
            #expect(try runs.fixture.files("d").filter { saved[$0.key] != nil } == saved)
        }
    }

    @Test("A state that only the cache got and one that only the store got are both there in the end")
    func forked() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try runs.fixture.write(state)
            _ = await runs.save("a")
            _ = await runs.restore("b")
            _ = await runs.restore("c", usesCache: false)
            // Both make a snapshot of the same number; only one of them is in the store.
            try runs.fixture.write(["from-store.json": "{}"], on: "c")
            #expect(await runs.save("c", usesCache: false).store == .saved)
            store.fail(.unreachable)
            try runs.fixture.write(["from-cache.json": "{}"], on: "b")
            #expect(await runs.save("b").cache == .saved)
            store.fail(nil)
            let restore = await runs.restore("d")
            #expect(restore.status == .hit)
            let files = try runs.fixture.files("d")
            #expect(files["from-store.json"] == "{}")
            #expect(files["from-cache.json"] == "{}")
            #expect(await runs.save("d").store == .saved)
            _ = await runs.restore("e", usesCache: false)
            #expect(try runs.fixture.files("e") == files)
        }
    }

    @Test("Both down: the save fails in words, and nothing is lost here")
    func bothDown() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try runs.fixture.write(state)
            store.fail(.unreachable)
            runs.cache.answer(save: .failed(reason: "no route"))
            let save = await runs.save("a")
            #expect(save.store == .failed)
            #expect(save.cache == .failed)
            #expect(save.sync.error?.code == .unreachable)
            #expect(save.sync.warnings.contains { $0.contains("no route") })
            #expect(try runs.fixture.files() == RestoreTests.marked)
        }
    }

    @Test("A run that an outsider started reads the store and never writes to it; its state goes on in its own cache")
    func lowTrust() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try runs.fixture.write(state)
            _ = await runs.save("a")
            _ = await runs.restore("b")
            try runs.fixture.write(["outsider.json": "{}"], on: "b")
            _ = store.takeCalls()
            let save = await runs.save("b", trust: EventTrust(objection: "it comes from a fork"))
            #expect(save.store == .skipped)
            #expect(save.cache == .saved)
            #expect(save.sync.success)
            #expect(save.notices == ["the store is not written to: it comes from a fork"])
            #expect(store.takeCalls() == [])
            let restore = await runs.restore("c", .cacheFirst)
            #expect(restore.source == .cache)
            #expect(try runs.fixture.files("c")["outsider.json"] == "{}")
        }
    }

    @Test("A cold start adds to what the store has, however little it is, and removes nothing")
    func coldStartAdds() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try runs.fixture.write(Dictionary(uniqueKeysWithValues: (0..<30).map { ("message/\($0).json", "{}") }))
            try #require(await runs.save("a", usesCache: false).store == .saved)
            store.fail(.unreachable)
            #expect(await runs.restore("b").reason == .unreachable)
            store.fail(nil)
            try runs.fixture.write(["session/cold.json": "{}"], on: "b")
            #expect(await runs.save("b").store == .saved)
            _ = await runs.restore("c", usesCache: false)
            #expect(try runs.fixture.files("c").count == 32)
        }
    }

    @Test("Of a state that lost most of its files, the rest is saved, and a warning says what waits")
    func shrinks() async throws {
        try await WriteThroughFixture.with { runs in
            try runs.fixture.write(Dictionary(uniqueKeysWithValues: (0..<30).map { ("message/\($0).json", "{}") }))
            try #require(await runs.save("a").store == .saved)
            for n in 0..<29 { try runs.fixture.remove("message/\(n).json") }
            try runs.fixture.write(["message/new.json": "{}"])
            let save = await runs.save("a2", machine: "a")
            #expect(save.store == .saved && save.cache == .saved, "\(save)")
            #expect(save.sync.error == nil)
            #expect(save.sync.warnings.count { $0.contains("29 of") } == 1, "\(save.sync.warnings)")
            _ = await runs.restore("c")
            #expect(try runs.fixture.files("c").count == 32)
        }
    }

    @Test("A JSON file whose writing was cut off keeps the version that it had, and one that had none is left out")
    func torn() async throws {
        try await WriteThroughFixture.with { runs in
            try runs.fixture.write(state)
            try #require(await runs.save("a").cache == .saved)
            try runs.fixture.write(["message/m/1.json": "", "message/m/2.json": "", "notes.txt": ""])
            let save = await runs.save("a2", machine: "a")
            #expect(save.sync.success, "\(save)")
            #expect(save.sync.warnings.count == 2)
            let restore = await runs.restore("b")
            #expect(restore.status == .hit, "\(restore)")
            #expect(try runs.fixture.files("b") == RestoreTests.marked.merging(["notes.txt": ""]) { $1 })
        }
    }
}
