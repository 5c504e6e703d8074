import ActionsCache
import Foundation
import TestSupport
import Testing

@testable import Holdfast

@Suite("RFC-019 §6: restoreCache and saveCache on a real server")
struct RFC019CacheTests {
    private func options(_ server: TestServer, _ prefix: String, _ runs: WriteThroughFixture, _ machine: String)
        -> CacheOptions
    {
        // Without a state directory, as the RFC's functions have none.
        CacheOptions(
            agentIdentity: .github, repo: "owner/repo", storagePath: runs.fixture.storage(machine),
            cache: runs.place(machine, run: machine), s3Config: S3Config(server, prefix: prefix), logger: .silent)
    }

    @Test("A save is written through; a restore takes the cache, and S3 where that has nothing")
    func roundTrip() async throws {
        let server = try await TestServer.shared(.ministack)
        try await WriteThroughFixture.with { runs in
            try runs.fixture.write(RestoreTests.state)
            let prefix = server.prefix()
            let saved = await saveCache(options(server, prefix, runs, "a"))
            #expect(saved.cache == .saved, "\(saved)")
            #expect(saved.store == .saved)
            let hit = await restoreCache(options(server, prefix, runs, "b"))
            #expect(hit.source == .cache, "\(hit)")
            #expect(hit.sync.snapshot == saved.sync.snapshot)
            #expect(try runs.fixture.files("b") == RestoreTests.marked)
            runs.cache.answer(restore: .miss)
            let fallback = await restoreCache(options(server, prefix, runs, "c"))
            #expect(fallback.source == .s3)
            #expect(fallback.key == "s3:owner/repo")
            #expect(fallback.restoredPath == runs.fixture.storage("c"))
            #expect(try runs.fixture.files("c") == RestoreTests.marked)
        }
    }

    @Test("Without an enabled store the cache is all there is; without either, the error is in the result")
    func withoutStore() async throws {
        try await WriteThroughFixture.with { runs in
            try runs.fixture.write(RestoreTests.state)
            func options(_ machine: String, cache: CachePlace?) -> CacheOptions {
                CacheOptions(
                    agentIdentity: .github, repo: "owner/repo", storagePath: runs.fixture.storage(machine),
                    cache: cache, logger: .silent)
            }
            #expect(await saveCache(options("a", cache: runs.place("a", run: "1"))).cache == .saved)
            #expect(await restoreCache(options("b", cache: runs.place("b", run: "2"))).source == .cache)
            #expect(try runs.fixture.files("b") == RestoreTests.marked)
            #expect(await !restoreCache(options("c", cache: nil)).sync.success)
        }
    }
}
