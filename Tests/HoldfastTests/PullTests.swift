import Basics
import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Holdfast

@Suite("What a pull does with what is already here")
struct PullTests {
    @Test("Files that only this machine has stay")
    func localOnly() async throws {
        try await Fixture.with { fixture in
            try await fixture.put("theirs", "1")
            try fixture.write(["mine": "2"])
            #expect(await fixture.memory().pull().success)
            #expect(try fixture.files() == ["mine": "2", "theirs": "1"])
        }
    }

    @Test("A file that did not change here follows the store")
    func follows() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "one"])
            _ = await fixture.memory().push()
            _ = await fixture.memory("b").pull()
            try fixture.write(["f": "two"])
            _ = await fixture.memory().push()
            let result = await fixture.memory("b").pull()
            #expect(result.success)
            #expect(result.transferredObjects == 1)
            #expect(try fixture.files("b") == ["f": "two"])
        }
    }

    @Test("A file that changed only here stays")
    func stays() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "one", "g": "one"])
            _ = await fixture.memory().push()
            try fixture.write(["f": "mine"])
            // Twice: what is known of the file outlives a pull that leaves it alone.
            for _ in 1...2 {
                let result = await fixture.memory().pull()
                #expect(result.success)
                #expect(try fixture.files() == ["f": "mine", "g": "one"])
            }
        }
    }

    @Test("A push of a file that did not change here does not replace the store's newer one")
    func staleCopy() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "one", "g": "one"])
            _ = await fixture.memory().push()
            _ = await fixture.memory("b").pull()
            try fixture.write(["f": "two"])
            _ = await fixture.memory().push()
            try fixture.write(["g": "mine"], on: "b")
            let push = await fixture.memory("b").push()
            #expect(push.success)
            #expect(push.merged)
            #expect(push.transferredObjects == 1)
            #expect(push.objectCount == 2)
            #expect(await fixture.memory("b").pull().success)
            #expect(try fixture.files("b") == ["f": "two", "g": "mine"])
        }
    }

    @Test("What only the store has counts as part of the memory after a push")
    func countsTheMemory() async throws {
        try await Fixture.with { fixture in
            try await fixture.put("theirs", "12345")
            try await fixture.put("folder/", "")
            try fixture.write(["mine": "1"])
            let push = await fixture.memory().push()
            #expect(push.objectCount == 2)
            #expect(push.totalBytes == 6)
        }
    }

    @Test("A name that no pull would write is named by the push, and not stored")
    func unrestorableName() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["back\\slash": "x", "fine": "1"])
            let push = await fixture.memory().push()
            #expect(!push.success)
            #expect(push.problems.map(\.path) == ["back\\slash"])
            let stored = try await fixture.stored()
            #expect(stored == ["fine"])
        }
    }

    @Test("A path that changed on both sides stops the pull before anything is touched")
    func conflict() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "one", "g": "one"])
            _ = await fixture.memory().push()
            _ = await fixture.memory("b").pull()
            try fixture.write(["f": "theirs", "g": "theirs"])
            _ = await fixture.memory().push()
            try fixture.write(["f": "mine"], on: "b")
            let result = await fixture.memory("b").pull()
            #expect(!result.success)
            #expect(result.conflicts == ["f"])
            #expect(result.error?.code == .changedOnBothSides)
            #expect(result.error?.passesByItself == true)
            #expect(try fixture.files("b") == ["f": "mine", "g": "one"])
        }
    }

    @Test("With --force the store wins, and what is replaced is kept beside")
    func force() async throws {
        try await Fixture.with { fixture in
            try await fixture.put("dir/f", "theirs")
            try fixture.write(["dir/f": "mine"])
            let result = await fixture.memory().pull(PullOptions(onConflict: .storeWins))
            #expect(result.success)
            #expect(try fixture.files() == ["dir/f": "theirs"])
            let kept = try #require(result.replacedKeptAt)
            #expect(kept.hasPrefix(fixture.storage() + ".replaced-"))
            #expect(try String(contentsOfFile: "\(kept)/dir/f", encoding: .utf8) == "mine")
        }
    }

    @Test("With --merge the newer file wins", arguments: [(true, "mine"), (false, "theirs")])
    func merge(isNewerHere: Bool, winner: String) async throws {
        try await withTemporaryDirectory { directory in
            // The memory store has no clock; the files of this one have the times of the disk.
            let store = FileObjectStore(root: directory.path + "/store")
            try await Fixture.with(store) { fixture in
                try await fixture.put("f", "theirs")
                try fixture.write(["f": "mine"])
                let time = Date(timeIntervalSinceNow: isNewerHere ? 3600 : -3600)
                let path = fixture.storage() + "/f"
                try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
                let result = await fixture.memory().pull(PullOptions(onConflict: .newerWins))
                #expect(result.success)
                #expect(try fixture.files() == ["f": winner])
                #expect((result.replacedKeptAt != nil) == !isNewerHere)
            }
        }
    }

    @Test("A file that is deleted here comes back")
    func deletedHere() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "one"])
            _ = await fixture.memory().push()
            try fixture.remove("f")
            #expect(await fixture.memory().pull().success)
            #expect(try fixture.files() == ["f": "one"])
        }
    }

    @Test("Names that must not be written are refused one by one, and the rest arrives")
    func unsafeNames() async throws {
        try await Fixture.with { fixture in
            let unsafe = [
                "../escape", "a/../../b", "/absolute", "double//slash", "back\\slash", "./dot", "nul\0x", "x/..",
            ]
            for name in unsafe { try await fixture.put(name, "hostile") }
            for name in ["Foo", "foo", "caf\u{E9}", "cafe\u{301}", "good/file"] { try await fixture.put(name, "fine") }
            let result = await fixture.memory().pull()
            #expect(!result.success)
            #expect(result.error?.code == .incomplete)
            // Of two names that some file system takes for one, the first in byte order is kept.
            let refused = Set(result.problems.map(\.path))
            #expect(
                refused == Set(unsafe.map { $0.replacingOccurrences(of: "\0", with: "\\x00") } + ["foo", "caf\u{E9}"]))
            #expect(
                Set(try fixture.files().keys.map { Array($0.utf8) })
                    == Set(["Foo", "cafe\u{301}", "good/file"].map { Array($0.utf8) }))
            #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder).sorted() == ["a"])
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: fixture.folder + "/a").sorted() == [
                    "state", "storage",
                ])
        }
    }

    @Test("What is never stored is not restored either, and folder markers are passed over")
    func neverRestored() async throws {
        try await Fixture.with { fixture in
            for name in ["auth.json", "opencode.db-wal", "ok"] { try await fixture.put(name, "x") }
            try await fixture.put("folder/", "")
            let result = await fixture.memory().pull()
            #expect(result.success)
            #expect(result.skipped.excluded == 2)
            #expect(result.skipped.folderMarkers == 1)
            #expect(try fixture.files() == ["ok": "x"])
        }
    }

    @Test("A link in the way of a directory is not followed, and nothing changes")
    func linkInTheWay() async throws {
        try await Fixture.with { fixture in
            let outside = fixture.folder + "/outside"
            try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
            try fixture.write(["keep": "1"])
            #expect(symlink(outside, fixture.storage() + "/dir") == 0)
            try await fixture.put("dir/file", "x")
            try await fixture.put("other", "x")
            let result = await fixture.memory().pull()
            #expect(!result.success)
            #expect(result.error?.message.contains("dir") == true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
            #expect(FileManager.default.fileExists(atPath: fixture.storage() + "/other") == false)
        }
    }

    @Test(
        "When one object cannot be read, nothing here changes",
        arguments: [StoreError.Kind.denied, .corrupt, .unreachable])
    func allOrNothing(_ kind: StoreError.Kind) async throws {
        try await Fixture.with { fixture in
            for index in 0..<20 { try await fixture.put("f\(index)", "new") }
            try fixture.write(["mine": "1"])
            let failing = FailingStore(
                base: fixture.store, key: ObjectKey(fixture.location.mirrorPrefix + "f7"), kind: kind)
            let result = await fixture.memory(store: failing).pull()
            #expect(!result.success)
            #expect(result.error?.code == kind.code)
            #expect(try fixture.files() == ["mine": "1"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.storage()) == ["mine"])
        }
    }

    @Test("A store that may not be listed is an error, never an empty memory", arguments: [true, false])
    func denied(isPull: Bool) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "1"])
            let failing = FailingStore(base: fixture.store, key: nil, kind: .denied)
            let result =
                isPull ? await fixture.memory(store: failing).pull() : await fixture.memory(store: failing).push()
            #expect(!result.success)
            #expect(result.error?.code == .denied)
        }
    }
}

/// A store that fails for one key, or for listings.
struct FailingStore: ObjectStore {
    let base: any ObjectStore
    /// `nil`: listings fail.
    let key: ObjectKey?
    let kind: StoreError.Kind

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        guard key != self.key else { throw StoreError(kind, "read", key: key, "as planned") }
        return try await base.get(key, range: range, ifMatch: ifMatch)
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await base.head(key) }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        guard key != self.key else { throw StoreError(kind, "write", key: key, "as planned") }
        return try await base.put(key, body, rule)
    }
    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        guard key != nil else { throw StoreError(kind, "list", "as planned") }
        return try await base.page(prefix: prefix, after: token, limit: limit)
    }
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await base.delete(keys) }
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try await base.holds(body, as: object)
    }
}
