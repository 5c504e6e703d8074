import ActionsCache
import Testing

@Suite struct FindTests {
    private static let hosted = [
        "ACTIONS_RESULTS_URL": "https://results-receiver.actions.githubusercontent.com/",
        "ACTIONS_CACHE_URL": "https://artifactcache.actions.githubusercontent.com/abc/",
        "ACTIONS_CACHE_SERVICE_V2": "True", "ACTIONS_RUNTIME_TOKEN": "a.b.c", "GITHUB_REF": "refs/heads/main",
    ]

    private func find(
        _ changes: [String: String?], _ forced: CacheServiceVersion? = nil
    ) -> (service: CacheServiceVersion?, reason: String) {
        var environment = Self.hosted
        for (name, value) in changes { environment[name] = value }
        var options = ActionsCache.Options()
        options.service = forced
        switch ActionsCache.find(environment, options: options, logger: CacheLogs().logger) {
        case .available(let cache): return (cache.service, "")
        case .unavailable(let reason): return (nil, reason)
        }
    }

    @Test(
        "the service is chosen by the documented rule",
        arguments: [
            ([:], .v2), (["ACTIONS_CACHE_SERVICE_V2": "false"], .v2),
            (["GITHUB_SERVER_URL": "https://ghes.example.com"], .v1),
            (["GITHUB_SERVER_URL": "https://tenant.ghe.com"], .v2),
            (["GITHUB_SERVER_URL": "http://x.localhost"], .v2), (["GITHUB_SERVER_URL": "http://localhost:3000"], .v1),
            (["HOLDFAST_CACHE_SERVICE": "v1"], .v1),
            (["HOLDFAST_CACHE_SERVICE": "v2", "GITHUB_SERVER_URL": "https://ghes.example.com"], .v2),
            // A container action, which the runner does not tell that v2 is there.
            (["ACTIONS_CACHE_SERVICE_V2": nil], .v2),
            (["ACTIONS_CACHE_SERVICE_V2": "", "ACTIONS_CACHE_URL": nil], .v2),
            // act, whose results address is that of artifacts only, and which gives no token.
            (
                [
                    "ACTIONS_CACHE_SERVICE_V2": nil, "ACTIONS_CACHE_URL": "http://127.0.0.1:4000/x/",
                    "ACTIONS_RUNTIME_TOKEN": nil,
                ], .v1
            ),
        ] as [([String: String?], CacheServiceVersion)])
    func service(changes: [String: String?], expected: CacheServiceVersion) {
        #expect(find(changes).service == expected)
    }

    @Test("an option overrides everything", arguments: CacheServiceVersion.allCases)
    func forced(version: CacheServiceVersion) {
        #expect(find(["HOLDFAST_CACHE_SERVICE": version == .v1 ? "v2" : "v1"], version).service == version)
    }

    @Test(
        "where there is no usable service, the reason says why",
        arguments: [
            (["ACTIONS_RESULTS_URL": ""], "ACTIONS_RESULTS_URL"),
            (["HOLDFAST_CACHE_SERVICE": "v1", "ACTIONS_CACHE_URL": nil], "ACTIONS_CACHE_URL"),
            (["ACTIONS_RUNTIME_TOKEN": ""], "ACTIONS_RUNTIME_TOKEN"), (["GITHUB_REF": nil], "GITHUB_REF"),
            (["ACTIONS_CACHE_MODE": "none"], "cache mode"), (["HOLDFAST_CACHE_SERVICE": "v3"], "'v1' or 'v2'"),
            (["ACTIONS_RESULTS_URL": "ftp://host/"], "no"),
            (["ACTIONS_RESULTS_URL": "nonsense"], "not an http address"),
        ] as [([String: String?], String)])
    func unavailable(changes: [String: String?], words: String) {
        let found = find(changes)
        #expect(found.service == nil)
        #expect(found.reason.contains(words))
    }
}
