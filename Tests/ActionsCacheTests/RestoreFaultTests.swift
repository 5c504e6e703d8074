import ActionsCache
import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

@Suite struct RestoreFaultTests {
    /// Restores an entry of several ranges over a directory that holds something else.
    private func restore(
        token: [ActionsCacheService.Scope]? = nil, adding variables: [String: String] = [:],
        behaviour: ActionsCacheBehaviour = ActionsCacheBehaviour(),
        _ configure: (inout ActionsCache.Options) -> Void = { _ in },
        prepare: (ActionsCacheService) -> Void,
        _ check: (CacheRestoreOutcome, _ isRestored: Bool, ActionsCacheService, CacheFixture) throws -> Void
    ) async throws {
        try await CacheFixture.run(behaviour) { fixture, service in
            try fixture.fill(size: 300_000)
            #expect(await (try fixture.cache(service)).save([fixture.memory], key: "k").isSaved)
            let saved = try fixture.contents()
            try fixture.empty()
            try FileManager.default.createDirectory(atPath: fixture.memory, withIntermediateDirectories: true)
            try Data("before".utf8).write(to: URL(fileURLWithPath: "\(fixture.memory)/before"))
            let before = try fixture.contents()
            prepare(service)
            let cache = try fixture.cache(service, token: token.map { service.token($0) }, adding: variables) {
                ($0.rangeSize, $0.concurrency) = (64_000, 2)
                configure(&$0)
            }
            let outcome = await cache.restore([fixture.memory], key: "k")
            let after = try fixture.contents()
            #expect(after == saved || after == before, "half a restore")
            try check(outcome, after == saved, service, fixture)
            #expect(try fixture.leftovers() == [])
        }
    }

    @Test(
        "a range that goes wrong is fetched again",
        arguments: [
            ActionsCacheFault.status(500), .status(503), .status(429, retryAfter: 1), .reset, .truncated,
            .status(401), .status(403),
        ], [0, 2])
    func ranges(fault: ActionsCacheFault, good: Int) async throws {
        try await restore { service in
            service.script(.get, Array(repeating: .none, count: good) + [fault])
        } _: { outcome, isRestored, service, _ in
            #expect(outcome.key == "k")
            #expect(isRestored)
        }
    }

    @Test("an address that expires is renewed, and the download goes on")
    func expiry() async throws {
        try await restore { service in
            service.configure { $0.downloadUses = 3 }
        } _: { outcome, isRestored, service, _ in
            #expect(isRestored)
            #expect(service.requests(.lookUp).count >= 2)
        }
    }

    @Test("an entry that has changed while it is fetched is not mixed with the new one")
    func changed() async throws {
        try await restore { service in
            let version = service.entries[0].version
            service.configure { $0.downloadUses = 1 }
            service.put([1, 2, 3], key: "k", version: version)
        } _: { outcome, isRestored, _, _ in
            #expect(!isRestored)
            #expect(outcome.key == nil)
        }
    }

    @Test("a server that answers another range than the one asked for is not believed")
    func otherRange() async throws {
        try await restore {
            $0.script(.get, [.none, .otherRange])
        } _: { outcome, isRestored, _, _ in
            guard case .failed = outcome else { return record(outcome) }
            #expect(!isRestored)
        }
    }

    @Test("a download that stalls is given up and tried again")
    func stall() async throws {
        // Longer than a busy machine takes for a piece that does not stall.
        try await restore({ $0.stallLimit = .seconds(2) }) {
            $0.script(.get, [.none, .stall])
        } _: { outcome, isRestored, _, _ in
            #expect(isRestored)
        }
    }

    @Test(
        "lookups are tried again where that may help",
        arguments: [ActionsCacheFault.status(500), .status(503), .gateway(200), .reset, .truncated])
    func lookUps(fault: ActionsCacheFault) async throws {
        try await restore {
            $0.script(.lookUp, [fault])
        } _: { outcome, isRestored, service, fixture in
            #expect(isRestored)
            #expect(fixture.waits.recorded == [.seconds(3)])
        }
    }

    @Test("the waits grow as those of actions/cache")
    func waits() async throws {
        try await restore {
            $0.script(.lookUp, Array(repeating: .status(503), count: 9))
        } _: { outcome, isRestored, service, fixture in
            #expect(outcome == .failed(reason: "the cache service answered 503 (scripted: a fault of the test)"))
            #expect(fixture.waits.recorded == [3, 4.5, 6.75, 10.125].map { Duration.seconds($0) })
        }
    }

    @Test("a run that may not read is denied")
    func denied() async throws {
        try await restore(token: [.init("refs/heads/main", 2)], prepare: { _ in }) { outcome, isRestored, _, _ in
            #expect(outcome == .denied("cache read denied: token has no readable scopes"))
            #expect(!isRestored)
        }
        try await restore(adding: ["ACTIONS_CACHE_MODE": "write-only"], prepare: { _ in }) { outcome, _, service, _ in
            #expect(outcome == .denied("the cache mode of this job is 'write-only'"))
            #expect(service.requests(.lookUp).isEmpty)
        }
    }

    @Test("an entry that is not visible yet is a miss")
    func stale() async throws {
        try await restore { service in
            service.configure { $0.staleLookUps = 1 }
        } _: { outcome, isRestored, _, _ in
            #expect(outcome == .miss)
        }
    }

    @Test("an archive above the limits is not extracted")
    func limits() async throws {
        try await restore({ $0.archiveLimit = 1000 }, prepare: { _ in }) { outcome, isRestored, _, _ in
            #expect(outcome.words.contains("at most 1000"))
            #expect(!isRestored)
        }
        try await restore({ $0.expandedLimit = 100_000 }, prepare: { _ in }) { outcome, isRestored, _, _ in
            #expect(outcome.words.contains("100000") || outcome.words.contains("more than may be extracted"))
            #expect(!isRestored)
        }
        try await restore({ $0.memberLimit = 3 }, prepare: { _ in }) { outcome, isRestored, _, _ in
            #expect(outcome.words.contains("more than 3 members"))
        }
    }

    @Test("a cancelled restore ends at once and leaves nothing")
    func cancelled() async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill(size: 300_000)
            #expect(await (try fixture.cache(service)).save([fixture.memory], key: "k").isSaved)
            let before = try fixture.contents()
            service.script(.get, [.stall])
            let cache = try fixture.cache(service)
            let memory = fixture.memory
            let outcome = await withTaskGroup(of: CacheRestoreOutcome?.self) { group in
                group.addTask { await cache.restore([memory], key: "k") }
                group.addTask {
                    for await request in service.server.arrivals where request.method == "GET" { return nil }
                    return nil
                }
                while let ended = await group.next() {
                    if let ended { return ended }
                    group.cancelAll()
                }
                return .miss
            }
            #expect(outcome == .failed(reason: "cancelled"))
            #expect(try fixture.contents() == before)
            #expect(try fixture.leftovers() == [])
        }
    }
}
