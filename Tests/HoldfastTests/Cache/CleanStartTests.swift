import Foundation
import ObjectStore
import Testing

@testable import Holdfast

@Suite("A restored state that cannot be used")
struct CleanStartTests {
    /// Saves a state that is broken although a save takes care: `push` stores what there is, in the store or in the copy, and
    /// the save after it finds nothing new.
    private func pushed(_ runs: WriteThroughFixture, _ files: [String: String], _ kind: StoreKind = .s3) async throws {
        try runs.fixture.write(RestoreTests.state.merging(files) { $1 })
        try #require(await runs.memory("a", kind).push().success)
        try #require(await runs.save("a", kind).cache == .saved)
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test(
        "is put aside until the next save, and the agent starts clean",
        arguments: [
            ([".version": "2"], RestoreResult.Reason.version), (["message/m/2.json": ""], .corrupt),
            (["sessions": "x"], .corrupt),
        ], [StoreKind.s3, .cacheOnly])
    func aside(_ change: ([String: String], RestoreResult.Reason), _ kind: StoreKind) async throws {
        let (files, reason) = change
        try await WriteThroughFixture.with { runs in
            try await pushed(runs, files, kind)
            let restore = await runs.restore("b", .newest, kind)
            #expect(restore.status == .corrupted)
            #expect(restore.reason == reason)
            #expect(!restore.hit)
            #expect(restore.restoredPath == nil)
            #expect(restore.key == "opencode-storage-github-owner-repo-main-Linux-a")
            #expect(try runs.fixture.files("b").isEmpty)
            let aside = try #require(restore.asideAt)
            #expect(exists("\(aside)/storage/session/p/ses_1.json"))
            // The run goes on with a state of its own, which takes the place of the old one.
            try runs.fixture.write(["session/p/new.json": "{}"], on: "b")
            let save = await runs.save("b", kind)
            #expect(save.cache == .saved)
            #expect(save.sync.success, "\(save)")
            #expect(!exists(aside))
            let next = await runs.restore("c", .newest, kind)
            #expect(next.status == .hit, "\(next)")
            #expect(try runs.fixture.files("c") == ["session/p/new.json": "{}", ".version": "1"])
        }
    }

    @Test("of the cache is replaced by a good one of the store")
    func goodStore() async throws {
        try await WriteThroughFixture.with { runs in
            try await pushed(runs, ["message/m/2.json": ""])
            _ = await runs.restore("c", usesCache: false)
            // Somebody mends it in the store; the cache has the broken one still.
            try runs.fixture.write(RestoreTests.state.merging(["message/m/2.json": "{}"]) { $1 }, on: "c")
            try #require(await runs.save("c", usesCache: false).store == .saved)
            let restore = await runs.restore("b")
            #expect(restore.status == .hit, "\(restore)")
            #expect(restore.source == .s3)
            #expect(restore.sync.warnings.count { $0.contains("is corrupt") } == 1, "\(restore.sync.warnings)")
            #expect(restore.sync.warnings.count { $0.contains("are back") } == 1, "\(restore.sync.warnings)")
            #expect(try runs.fixture.files("b")["message/m/2.json"] == "{}")
        }
    }

    @Test("of the cache never makes a later save remove what the store has")
    func storeUnknown() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try await pushed(runs, ["message/m/2.json": ""])
            store.fail(.unreachable)
            let restore = await runs.restore("b")
            #expect(restore.status == .corrupted)
            store.fail(nil)
            try runs.fixture.write(["session/p/new.json": "{}"], on: "b")
            #expect(await runs.save("b").store == .saved)
            let keys = Set(try await runs.fixture.stored())
            #expect(keys.isSuperset(of: ["session/p/ses_1.json", "message/m/1.json", "session/p/new.json"]))
        }
    }

    @Test("is kept for good where this machine had files of its own")
    func ownFiles() async throws {
        try await WriteThroughFixture.with { runs in
            try await pushed(runs, [".version": "2"])
            try runs.fixture.write(["mine.json": "{}"], on: "b")
            let restore = await runs.restore("b")
            #expect(restore.reason == .version)
            let aside = try #require(restore.asideAt)
            #expect(exists("\(aside)/storage/mine.json"))
            try runs.fixture.write(["session/p/new.json": "{}"], on: "b")
            _ = await runs.save("b")
            #expect(exists("\(aside)/storage/mine.json"))
        }
    }
}
