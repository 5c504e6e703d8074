import ActionsCache
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import TestSupport
import Testing

@Suite struct RESTTests {
    private func environment(_ url: String, _ fixture: CacheFixture) -> [String: String] {
        [
            "ACTIONS_CACHE_URL": url, "GITHUB_REF": "refs/heads/main", "GITHUB_WORKSPACE": fixture.workspace,
            "RUNNER_TEMP": fixture.temporary, "GITHUB_SERVER_URL": "https://ghes.example.com",
            "ACTIONS_RUNTIME_TOKEN": "a-token", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
        ]
    }

    /// A REST service that keeps one entry, and answers a kind of request as the test says, once.
    private func run(
        _ first: [String: StubResponse] = [:],
        _ body: (CacheFixture, ActionsCache, StubServer) async throws -> Void
    ) async throws {
        let entry = NIOLockedValueBox((key: "", bytes: [UInt8](), parts: [Int: [UInt8]](), isCommitted: false))
        let faults = NIOLockedValueBox(first)
        try await CacheFixture.run { fixture in
            try await StubServer.run { request in
                let kind =
                    "\(request.method) \(request.path.replacingOccurrences(of: "/_apis/artifactcache/", with: ""))"
                if let fault = faults.withLockedValue({ $0.removeValue(forKey: kind) }) { return fault }
                return entry.withLockedValue { entry in
                    switch kind {
                    case "GET cache":
                        guard entry.isCommitted else { return .status(204) }
                        return .text(
                            "\u{FEFF}{\"cacheKey\":\"\(entry.key)\",\"archiveLocation\":\"http://\(request.header("Host") ?? "")/blob?sig=secret\"}"
                        )
                    case "POST caches":
                        let asked = try? JSONDecoder().decode(
                            JSONValue.self, from: Data(request.body.readableBytesView))
                        entry.key = asked?["key"].string ?? ""
                        return .text("{\"cacheId\":7}", status: 201)
                    case "PATCH caches/7":
                        let range = request.header("Content-Range")?.split(whereSeparator: { " -/".contains($0) }) ?? []
                        guard range.count == 4, range[3] == "*", let start = Int(range[1]), let end = Int(range[2]),
                            end - start + 1 == request.bodyLength
                        else { return .status(400) }
                        entry.parts[start] = Array(request.body.readableBytesView)
                        return .status(204)
                    case "POST caches/7":
                        entry.bytes = entry.parts.sorted { $0.key < $1.key }.flatMap(\.value)
                        entry.isCommitted = request.text == "{\"size\":\(entry.bytes.count)}"
                        return entry.isCommitted ? .status(204) : .status(400)
                    case "GET /blob":
                        guard request.header("Authorization") == nil else { return .status(401) }
                        return StubResponse(body: ByteBuffer(bytes: entry.bytes))
                    default: return .status(404)
                    }
                }
            } _: { server in
                try fixture.fill(size: 250_000)
                let cache = try fixture.cache(environment(server.url, fixture)) { $0.chunkSize = 100_000 }
                #expect(cache.service == .v1)
                try await body(fixture, cache, server)
                #expect(!fixture.logs.text.contains("a-token"))
                #expect(!fixture.logs.text.contains("sig="))
                #expect(try fixture.leftovers() == [])
            }
        }
    }

    @Test("what was saved in chunks is restored")
    func roundTrip() async throws {
        try await run { fixture, cache, server in
            let before = try fixture.contents()
            #expect(await cache.restore([fixture.memory], key: "k") == .miss)
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            try fixture.empty()
            #expect(await cache.restore([fixture.memory], key: "k", restoreKeys: ["a b"]).key == "k")
            #expect(try fixture.contents() == before)
            #expect(server.requests.filter { $0.method == "PATCH" }.count >= 3)
            #expect(server.requests.contains { $0.query.hasPrefix("keys=k%2Ca%20b&version=") })
            let control = server.requests.filter { $0.path.contains("_apis") }
            #expect(control.allSatisfy { $0.header("Accept") == "application/json;api-version=6.0-preview.1" })
            #expect(control.allSatisfy { $0.header("Authorization") == "Bearer a-token" })
        }
    }

    @Test(
        "refusals have their own outcomes",
        arguments: [
            (
                409, #"{"message":"Cache already exists.","typeKey":"ArtifactCacheItemAlreadyExistsException"}"#,
                "exists"
            ),
            (403, #"{"message":"cache write denied: token has no writable scopes"}"#, "denied"),
            (429, "{}", "rateLimited"),
            (400, #"{"message":"Cache size of 9 bytes is over the 1 byte limit"}"#, "failed"),
            (500, #"{"error":"broken file"}"#, "failed"), (201, "{}", "failed"), (201, #"{"cacheId":0}"#, "failed"),
            (200, "<html>", "failed"),
        ])
    func refusals(status: Int, body: String, expected: String) async throws {
        let answer = StubResponse.text(body, status: status, headers: [("Retry-After", "600")])
        try await run(["POST caches": answer]) { fixture, cache, server in
            let outcome = await cache.save([fixture.memory], key: "k")
            switch outcome {
            case .exists: #expect(expected == "exists")
            case .denied(let reason):
                #expect(expected == "denied")
                #expect(reason.hasPrefix("cache write denied:"))
            case .rateLimited: #expect(expected == "rateLimited")
            case .failed: #expect(expected == "failed")
            case .saved: Issue.record("a refused save was called saved")
            }
            #expect(!server.requests.contains { $0.method == "PATCH" })
        }
    }

    @Test(
        "what may pass is tried again once",
        arguments: ["GET cache", "POST caches", "PATCH caches/7", "POST caches/7", "GET /blob"], [502, 503, 504])
    func transient(kind: String, status: Int) async throws {
        try await run([kind: .status(status)]) { fixture, cache, _ in
            #expect(await cache.lookUp([fixture.memory], key: "k") == .miss)
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            #expect(await cache.restore([fixture.memory], key: "k").key == "k")
            #expect(fixture.waits.recorded.count == 1)
        }
    }

    @Test("act's own server takes and gives entries")
    func act() async throws {
        try await ActServer.run { server in
            try await CacheFixture.run { fixture in
                var environment = environment(server.url, fixture)
                // act says that it is github.com, and gives no token.
                environment["GITHUB_SERVER_URL"] = "https://github.com"
                environment["ACTIONS_RUNTIME_TOKEN"] = nil
                environment["GITHUB_REF"] = server.ref
                try fixture.fill(size: 300_000)
                let before = try fixture.contents()
                let cache = try fixture.cache(environment) { ($0.chunkSize, $0.rangeSize) = (100_000, 64_000) }
                #expect(cache.service == .v1)
                let paths = [fixture.memory]
                #expect(await cache.restore(paths, key: "Linux-", restoreKeys: ["Lin"]) == .miss)
                #expect(await cache.save(paths, key: "Linux-1").isSaved)
                try fixture.empty()
                let outcome = await cache.restore(paths, key: "Linux-2", restoreKeys: ["Linux-"])
                let key = try #require(outcome.key)
                #expect(try CacheKey("Linux-1").isExactly(key))
                #expect(try fixture.contents() == before)
                #expect(await cache.lookUp(paths, key: "other") == .miss)
                #expect(try fixture.leftovers() == [])
            }
        }
    }
}
