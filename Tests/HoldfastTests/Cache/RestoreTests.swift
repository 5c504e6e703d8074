import ActionsCache
import Basics
import FileIO
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Holdfast

@Suite("Restoring from the cache and the store")
struct RestoreTests {
    static let state = ["session/p/ses_1.json": #"{"id":1}"#, "message/m/1.json": #"{"text":"hello"}"#]
    /// The state as it comes back: with its marker.
    static let marked = state.merging([".version": "1"]) { $1 }

    /// A run `a` that has saved into both.
    private func saved(_ runs: WriteThroughFixture, _ kind: StoreKind = .s3) async throws {
        try runs.fixture.write(Self.state)
        let save = await runs.save("a", kind)
        try #require(save.cache == .saved, "\(save)")
        try #require(save.sync.success, "\(save)")
        try #require(save.store == (kind == .cacheOnly ? .skipped : .saved))
    }

    @Test("A hit with an unchanged store asks the store for one listing, and nothing else")
    func hit() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try await saved(runs)
            _ = store.takeCalls()
            let restore = await runs.restore("b")
            #expect(store.takeCalls() == ["list commits/"])
            #expect(restore.status == .hit)
            #expect(restore.source == .cache)
            #expect(restore.key == "opencode-storage-github-owner-repo-main-Linux-a")
            #expect(restore.restoredPath == runs.fixture.storage("b"))
            #expect(restore.reason == nil)
            #expect(restore.sync.success)
            #expect(restore.sync.warnings == [])
            #expect(restore.sync.objectCount == 3)
            #expect(try runs.fixture.files("b") == Self.marked)
            // The save after it knows that nothing changed: one listing, and the same snapshot in the cache.
            let save = await runs.save("b")
            #expect(store.takeCalls() == ["list commits/"])
            #expect(save.store == .saved)
            #expect(save.cache == .saved)
            #expect(save.sync.snapshot == restore.sync.snapshot)
        }
    }

    @Test("Where both are asked in any case, the store is asked while the cache is at work")
    func both() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try await saved(runs)
            _ = store.takeCalls()
            let problem = NIOLockedValueBox<String?>("the cache was not asked")
            runs.cache.state.withLockedValue {
                $0.beforeRestore = {
                    do {
                        try await eventually("the store is asked") { store.callCount == 1 }
                        problem.withLockedValue { $0 = nil }
                    } catch { problem.withLockedValue { $0 = "\(error)" } }
                }
            }
            runs.cache.answer(restore: .miss)
            let restore = await runs.restore("b")
            #expect(problem.withLockedValue { $0 } == nil)
            #expect(restore.source == .s3)
            #expect(try runs.fixture.files("b") == Self.marked)
            #expect(store.takeCalls().filter { $0 == "list commits/" }.count == 1)
        }
    }

    @Test("Where the cache may do, the store is not asked before", arguments: [true, false])
    func cacheFirst(isMiss: Bool) async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try await saved(runs)
            _ = store.takeCalls()
            let before = NIOLockedValueBox<Int?>(nil)
            runs.cache.state.withLockedValue {
                $0.beforeRestore = { before.withLockedValue { $0 = store.callCount } }
            }
            if isMiss { runs.cache.answer(restore: .miss) }
            #expect(await runs.restore("b", .cacheFirst).source == (isMiss ? .s3 : .cache))
            #expect(before.withLockedValue { $0 } == 0)
            #expect(store.takeCalls().isEmpty == !isMiss)
        }
    }

    @Test("Only what is newer comes from the store: of a large file, the pieces that changed")
    func newer() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            let large = (0..<6).map { letters(1 << 20, seed: UInt64($0)) }
            try runs.fixture.write(Self.state.merging(["large.txt": large.joined()]) { $1 })
            try #require(await runs.save("a").cache == .saved)
            // Somebody without the cache goes on.
            _ = await runs.restore("c", usesCache: false)
            var changed = large
            changed[3] = String(changed[3].reversed())
            try runs.fixture.write(["large.txt": changed.joined(), "new.json": "{}"], on: "c")
            try runs.fixture.remove("message/m/1.json", on: "c")
            try #require(await runs.save("c", usesCache: false).store == .saved)
            _ = store.takeCalls()
            let restore = await runs.restore("b")
            let calls = store.takeCalls()
            #expect(restore.source == .s3)
            #expect(restore.key == "s3:owner/repo")
            #expect(restore.sync.warnings == [])
            #expect(try runs.fixture.files("b") == runs.fixture.files("c"))
            // One listing, the commit, the manifest, and the pack of the newest save for what changed.
            #expect(calls.count <= 5, "\(calls)")
            let packs = Set(calls.filter { $0.hasPrefix("get packs/") })
            #expect(packs.count == 1, "\(calls)")
        }
    }

    @Test(
        "The policy says who is asked, in which order, and who decides",
        arguments: [
            (RestorePolicy.newest, 1, 1, RestoreResult.Source.cache), (.cacheFirst, 1, 0, .cache),
            (.storeFirst, 0, 1, .s3),
        ])
    func policies(_ policy: RestorePolicy, cache: Int, store lists: Int, source: RestoreResult.Source) async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try await saved(runs)
            _ = store.takeCalls()
            let restore = await runs.restore("b", policy)
            #expect(restore.source == source)
            #expect(runs.cache.state.withLockedValue { $0.restores } == cache)
            #expect(store.takeCalls().count { $0 == "list commits/" } == lists)
            #expect(try runs.fixture.files("b") == Self.marked)
        }
    }

    @Test("Where the first has nothing, the second is asked", arguments: RestorePolicy.allCases)
    func second(_ policy: RestorePolicy) async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try await saved(runs)
            if policy == .storeFirst { store.fail(.unreachable) } else { runs.cache.answer(restore: .miss) }
            let restore = await runs.restore("b", policy)
            #expect(restore.status == .hit)
            #expect(restore.source == (policy == .storeFirst ? .cache : .s3))
            #expect(try runs.fixture.files("b") == Self.marked)
            // A cache that has no entry is no trouble; a store that cannot be reached is.
            #expect(restore.sync.success == (policy != .storeFirst))
        }
    }

    @Test(
        "A cache that cannot be used is a warning, and the store is asked",
        arguments: [
            CacheRestoreOutcome.denied("no scope"), .unusable(key: "k", reason: "a name leads out of it"),
            .failed(reason: "HTTP 503"),
        ])
    func cacheTrouble(_ outcome: CacheRestoreOutcome) async throws {
        try await WriteThroughFixture.with { runs in
            try await saved(runs)
            runs.cache.answer(restore: outcome)
            let restore = await runs.restore("b")
            #expect(restore.source == .s3)
            #expect(restore.reason == nil)
            #expect(restore.sync.warnings.count == 1)
            #expect(restore.sync.success)
            #expect(try runs.fixture.files("b") == Self.marked)
        }
    }

    @Test("With the store down, the cache's state is taken, and it is said that the store was not asked")
    func storeDown() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            try await saved(runs)
            store.fail(.unreachable)
            let restore = await runs.restore("b")
            #expect(restore.source == .cache)
            #expect(restore.sync.error?.code == .unreachable)
            #expect(restore.sync.warnings.contains { $0.contains("the store cannot be used") })
            #expect(try runs.fixture.files("b") == Self.marked)
        }
    }

    @Test(
        "Why an agent starts cold is told apart",
        arguments: [
            (CacheRestoreOutcome.miss, StoreError.Kind?.none, RestoreResult.Reason.absent, RestoreResult.Status.miss),
            (.miss, .denied, .denied, .miss), (.miss, .unauthenticated, .denied, .miss),
            (.miss, .noCredentials, .denied, .miss), (.miss, .unreachable, .unreachable, .miss),
            (.miss, .server, .unreachable, .miss), (.denied("x"), .none, .denied, .miss),
            (.failed(reason: "x"), .none, .unreachable, .miss), (.failed(reason: "x"), .denied, .denied, .miss),
            (.unusable(key: "k", reason: "x"), .none, .corrupt, .corrupted),
            (.unusable(key: "k", reason: "x"), .unreachable, .corrupt, .corrupted),
        ])
    func cold(
        _ outcome: CacheRestoreOutcome, _ failure: StoreError.Kind?, reason: RestoreResult.Reason,
        status: RestoreResult.Status
    ) async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            runs.cache.answer(restore: outcome)
            store.fail(failure)
            let restore = await runs.restore("b")
            #expect(restore.reason == reason)
            #expect(restore.status == status)
            #expect(restore.source == nil)
            #expect(restore.restoredPath == nil)
            #expect(restore.key == (status == .corrupted ? "k" : nil))
            #expect((restore.sync.error == nil) == (failure == nil))
            // A plain first run has nothing to warn of.
            #expect(restore.sync.warnings.isEmpty == (reason == .absent))
            let files = try runs.fixture.files("b")
            #expect(files.isEmpty)
        }
    }

    @Test("The memory of another repository is refused, from the cache and from the store")
    func wrongRepository() async throws {
        try await WriteThroughFixture.with { runs in
            // The same key, as product §4 has it.
            let other = Memory(
                store: runs.fixture.store,
                location: try MemoryLocation(prefix: "opencode-storage", agent: .github, repository: "owner-repo/x"),
                options: Memory.Options(storage: runs.fixture.storage("o"), writer: "o"), meter: TransferMeter(),
                logger: .silent)
            try runs.fixture.write(Self.state, on: "o")
            try #require(await other.push().success)
            let ours = Memory(
                store: runs.fixture.store,
                location: try MemoryLocation(prefix: "opencode-storage", agent: .github, repository: "owner/repo-x"),
                options: Memory.Options(storage: runs.fixture.storage("b"), writer: "b"), meter: TransferMeter(),
                logger: .silent)
            let restore = await ours.restore(RestoreRequest(store: .s3, cache: nil))
            #expect(restore.reason == .wrongRepository)
            #expect(restore.status == .miss)
            #expect(try runs.fixture.files("b").isEmpty)
        }
    }

    @Test(
        "A damaged copy in the cache does no harm: the store is asked",
        arguments: ["commits", "packs", "nothing", "garbage"])
    func damagedCopy(_ what: String) async throws {
        try await WriteThroughFixture.with { runs in
            try await saved(runs)
            let copy = try #require(runs.cache.newest)
            for path in try FileManager.default.subpathsOfDirectory(atPath: copy) {
                let url = URL(fileURLWithPath: "\(copy)/\(path)")
                guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
                switch what {
                case "nothing": try FileManager.default.removeItem(at: url)
                case "garbage": try Data("garbage".utf8).write(to: url)
                default:
                    guard path.contains("/\(what)/") else { continue }
                    var data = try Data(contentsOf: url)
                    for index in stride(from: 25, to: data.count, by: 7) { data[index] ^= 0x55 }
                    try data.write(to: url)
                }
            }
            let restore = await runs.restore("b")
            #expect(restore.status == .hit, "\(restore)")
            #expect(restore.source == .s3)
            #expect(restore.sync.warnings.count == 1, "\(restore.sync.warnings)")
            #expect(try runs.fixture.files("b") == Self.marked)
        }
    }

    @Test("Without a store, what is in the cache goes from run to run")
    func cacheOnly() async throws {
        try await WriteThroughFixture.with { runs in
            #expect(await runs.restore("a", .newest, .cacheOnly).reason == .absent)
            try await saved(runs, .cacheOnly)
            let restore = await runs.restore("b", .newest, .cacheOnly)
            #expect(restore.source == .cache)
            #expect(restore.sync.requests == 0)
            #expect(try runs.fixture.files("b") == Self.marked)
            try runs.fixture.write(["more.json": "[]"], on: "b")
            try runs.fixture.remove("message/m/1.json", on: "b")
            let save = await runs.save("b", .cacheOnly)
            #expect(save.cache == .saved)
            // It continues the snapshot that it came from.
            #expect(save.sync.snapshot != restore.sync.snapshot)
            #expect(await runs.restore("c", .newest, .cacheOnly).status == .hit)
            #expect(try runs.fixture.files("c") == runs.fixture.files("b"))
            #expect(try await runs.fixture.stored().isEmpty)
        }
    }

    @Test("An empty memory is seeded from the first other agent that has one, and then goes its own way")
    func shareFrom() async throws {
        try await WriteThroughFixture.with { runs in
            let discord = try runs.fixture.memory("d").shared(from: .discord)
            try runs.fixture.write(Self.state, on: "d")
            try #require(await discord.push().success)
            let restore = await runs.restore("b", shareFrom: [try AgentIdentity("nobody"), .discord])
            #expect(restore.status == .hit)
            #expect(restore.seededFrom == .discord)
            #expect(restore.key == "s3:owner/repo")
            #expect(try runs.fixture.files("b") == Self.state)
            try #require(await runs.save("b").store == .saved)
            // Now there is a memory of its own, and nobody is asked.
            try runs.fixture.write(["only-discord.json": "{}"], on: "d")
            try #require(await discord.push().success)
            let next = await runs.restore("e", shareFrom: [.discord])
            #expect(next.seededFrom == nil)
            #expect(try runs.fixture.files("e") == Self.marked)
        }
    }

    @Test("Who may not be asked whether there is a memory seeds nothing")
    func noSeedInDoubt() async throws {
        let store = WatchedStore()
        try await WriteThroughFixture.with(store) { runs in
            let discord = try runs.fixture.memory("d").shared(from: .discord)
            try runs.fixture.write(Self.state, on: "d")
            try #require(await discord.push().success)
            store.fail(.denied)
            let restore = await runs.restore("b", shareFrom: [.discord])
            #expect(restore.reason == .denied)
            #expect(restore.seededFrom == nil)
        }
    }

    @Test("Credentials in the storage directory are removed, and it is said")
    func credentials() async throws {
        try await WriteThroughFixture.with { runs in
            try await saved(runs)
            try runs.fixture.write(["auth.json": #"{"secret":1}"#, "mine.json": "{}"], on: "b")
            let restore = await runs.restore("b")
            #expect(restore.status == .hit)
            #expect(restore.notices.contains { $0.contains("auth.json") })
            #expect(try runs.fixture.files("b") == Self.marked.merging(["mine.json": "{}"]) { $1 })
        }
    }

    @Test("What this machine has stays, and the newer version of a file wins")
    func merges() async throws {
        try await WriteThroughFixture.with { runs in
            try await saved(runs)
            try runs.fixture.write(["mine.json": "1", "message/m/1.json": "newer here"], on: "b")
            let restore = await runs.restore("b")
            #expect(restore.status == .hit)
            var expected = Self.marked
            expected["mine.json"] = "1"
            expected["message/m/1.json"] = "newer here"
            #expect(try runs.fixture.files("b") == expected)
        }
    }
}
