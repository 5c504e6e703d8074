import ActionsCache
import Foundation
import TestSupport
import Testing

@Suite struct SaveOutcomeTests {
    /// A save of one small file, with faults.
    private func save(
        _ behaviour: ActionsCacheBehaviour = ActionsCacheBehaviour(), key: String = "k",
        adding variables: [String: String] = [:], token: [ActionsCacheService.Scope]? = nil,
        _ prepare: (ActionsCacheService) -> Void = { _ in },
        _ check: (CacheSaveOutcome, ActionsCacheService, CacheFixture) throws -> Void
    ) async throws {
        try await CacheFixture.run(behaviour) { fixture, service in
            try Data("content".utf8).write(to: URL(fileURLWithPath: "\(fixture.memory)/file"))
            prepare(service)
            let cache = try fixture.cache(
                service, token: token.map { service.token($0) }, adding: variables)
            let outcome = await cache.save([fixture.memory], key: key)
            try check(outcome, service, fixture)
            #expect(try fixture.leftovers() == [])
        }
    }

    @Test("a key that is taken is reported as taken, whatever the service says", arguments: [false, true])
    func exists(isSilent: Bool) async throws {
        var behaviour = ActionsCacheBehaviour()
        behaviour.refusesWithoutWords = isSilent
        try await CacheFixture.run(behaviour) { fixture, service in
            let cache = try fixture.cache(service)
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            #expect(await cache.save([fixture.memory], key: "k") == .exists)
            #expect(service.entries.count == 1)
        }
    }

    @Test("a reservation whose answer was lost is somebody's, never saved")
    func ambiguous() async throws {
        try await save {
            $0.script(.create, [.resetAfterwards])
        } _: { outcome, service, _ in
            #expect(outcome == .exists)
            #expect(service.entries.isEmpty)
        }
    }

    @Test("a token without a writable scope is denied before an archive is made")
    func readOnlyToken() async throws {
        try await save(token: [.init("refs/heads/main", 1)]) { outcome, service, _ in
            #expect(outcome == .denied("the token of this run has no writable cache scope"))
            #expect(service.requests.isEmpty)
        }
    }

    @Test(
        "a denial by the service is a denial",
        arguments: [ActionsCacheCall.create, .finalize], [403, 200])
    func denied(call: ActionsCacheCall, status: Int) async throws {
        try await save {
            $0.script(call, [.message(status, code: "permission_denied", "cache write denied: no writable scopes")])
        } _: { outcome, service, fixture in
            #expect(outcome == .denied("cache write denied: no writable scopes"))
            #expect(service.entries.isEmpty)
            #expect(fixture.waits.recorded.isEmpty)
        }
    }

    @Test(
        "the cache mode forbids without a request",
        arguments: [("read", false), ("write", true), ("write-only", true), ("later", true)])
    func mode(mode: String, isAllowed: Bool) async throws {
        try await save(adding: ["ACTIONS_CACHE_MODE": mode]) { outcome, service, _ in
            #expect(outcome.isSaved == isAllowed)
            #expect(service.requests.isEmpty == !isAllowed)
        }
    }

    @Test(
        "keys that the service would refuse are refused in words",
        arguments: ["", "a,b", String(repeating: "k", count: 513)])
    func keys(key: String) async throws {
        try await save(key: key) { outcome, service, _ in
            guard case .failed(let reason) = outcome else { return record(outcome) }
            #expect(reason.contains("key"))
            #expect(service.requests.isEmpty)
        }
    }

    @Test("too many requests are waited for as asked, twice, and then left alone")
    func rateLimit() async throws {
        try await save {
            $0.script(.create, [.status(429, retryAfter: 30), .status(429, retryAfter: 2)])
        } _: { outcome, _, fixture in
            #expect(outcome.isSaved)
            #expect(fixture.waits.recorded == [.seconds(30), .seconds(2)])
        }
        try await save {
            $0.script(.create, Array(repeating: .status(429, retryAfter: 30), count: 9))
        } _: { outcome, service, _ in
            guard case .rateLimited(let reason) = outcome else { return record(outcome) }
            #expect(reason.contains("30 seconds"))
            #expect(service.requests(.create).count == 3)
        }
        try await save {
            $0.script(.create, [.status(429, retryAfter: 3600)])
        } _: { outcome, service, fixture in
            guard case .rateLimited = outcome else { return record(outcome) }
            #expect(fixture.waits.recorded.isEmpty)
        }
    }

    @Test("a full quota is not asked again")
    func quota() async throws {
        try await save {
            $0.script(.create, [.message(403, code: "resource_exhausted", "insufficient usage to save")])
        } _: { outcome, service, _ in
            #expect(outcome == .rateLimited("insufficient usage to save"))
            #expect(service.requests(.create).count == 1)
        }
    }

    @Test(
        "what may pass is tried again",
        arguments: [ActionsCacheCall.create, .finalize, .putBlob],
        [
            ActionsCacheFault.status(500), .status(502), .status(503), .status(504), .reset,
        ])
    func transient(call: ActionsCacheCall, fault: ActionsCacheFault) async throws {
        try await save {
            $0.script(call, [fault, fault])
        } _: { outcome, service, fixture in
            #expect(outcome.isSaved)
            #expect(service.requests(call).count == 3)
            #expect(fixture.waits.recorded.count == 2)
            #expect(service.entries.count == 1)
        }
    }

    @Test("a gateway's page instead of JSON is tried again, whatever its status", arguments: [200, 404, 502])
    func gateway(status: Int) async throws {
        try await save {
            $0.script(.create, [.gateway(status)])
        } _: { outcome, _, fixture in
            #expect(outcome.isSaved)
            #expect(fixture.waits.recorded == [.seconds(3)])
        }
    }

    @Test(
        "attempts come to an end",
        arguments: [(ActionsCacheCall.create, 5), (.finalize, 5), (.putBlob, 4)])
    func attemptsEnd(call: ActionsCacheCall, attempts: Int) async throws {
        try await save {
            $0.script(call, Array(repeating: .status(503), count: 50))
        } _: { outcome, service, _ in
            guard case .failed(let reason) = outcome else { return record(outcome) }
            #expect(reason.contains("503"))
            #expect(service.requests(call).count == attempts)
            #expect(service.entries.isEmpty)
        }
    }

    @Test("an upload that is not visible yet is finalized later", arguments: [(5, true), (6, false)])
    func finalizeLater(misses: Int, isSaved: Bool) async throws {
        var behaviour = ActionsCacheBehaviour()
        behaviour.finalizeNotFound = misses
        try await save(behaviour) { outcome, service, fixture in
            #expect(outcome.isSaved == isSaved)
            #expect(fixture.waits.recorded == Array(repeating: .seconds(2), count: 5))
        }
    }

    @Test("an upload address that has expired fails the save")
    func expiredUpload() async throws {
        var behaviour = ActionsCacheBehaviour()
        behaviour.uploadLifetime = 0
        try await save(behaviour) { outcome, service, _ in
            #expect(
                outcome
                    == .failed(reason: "the blob service refused the upload with 403 (AuthenticationFailed)"))
            #expect(service.entries.isEmpty)
        }
    }

    @Test("a token that the service does not know fails the save")
    func unknownToken() async throws {
        try await CacheFixture.run { fixture, service in
            let token = ActionsCacheService.unknownToken([.init("refs/heads/main", 3)])
            let outcome = await (try fixture.cache(service, token: token)).save([fixture.memory], key: "k")
            guard case .failed(let reason) = outcome else { return record(outcome) }
            #expect(reason.contains("401"))
            #expect(!reason.contains(token))
        }
    }

    @Test("where no path exists there is nothing to save")
    func noPath() async throws {
        try await CacheFixture.run { fixture, service in
            let outcome = await (try fixture.cache(service)).save(["\(fixture.memory)/missing"], key: "k")
            guard case .failed(let reason) = outcome else { return record(outcome) }
            #expect(reason.contains("none of the paths"))
            #expect(service.requests.isEmpty)
        }
    }

    @Test("a service that cannot be reached fails the save at once")
    func unreachable() async throws {
        try await CacheFixture.run { fixture in
            var environment = try await ActionsCacheService.run { service in
                service.environment(workspace: fixture.workspace, temporary: fixture.temporary)
            }
            // Nobody listens on port 1 of loopback.
            environment["ACTIONS_RESULTS_URL"] = "http://127.0.0.1:1/"
            let outcome = await (try fixture.cache(environment)).save([fixture.memory], key: "k")
            #expect(outcome == .failed(reason: "no connection: Connection refused"))
            #expect(fixture.waits.recorded.isEmpty)
        }
    }
}

/// Fails a test that an unexpected outcome has ended.
func record(_ outcome: some Any) { Issue.record("the outcome is \(outcome)") }
