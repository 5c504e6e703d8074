import ActionsCache
import Foundation
import TestSupport
import Testing

@Suite struct RoundTripTests {
    @Test(
        "what was saved is restored byte for byte, in one request or in many",
        arguments: [(blocks: false, behaviour: ActionsCacheBehaviour()), (true, ActionsCacheBehaviour())])
    func roundTrip(blocks: Bool, behaviour: ActionsCacheBehaviour) async throws {
        try await CacheFixture.run(behaviour) { fixture, service in
            try fixture.fill(size: 700_000)
            let before = try fixture.contents()
            let cache = try fixture.cache(service) { options in
                options.concurrency = 3
                if blocks { (options.singleUploadLimit, options.blockSize) = (0, 100_000) }
                options.rangeSize = blocks ? 64_000 : 4 << 20
            }
            let saved = await cache.save([fixture.memory], key: "Linux-1")
            guard case .saved(let bytes) = saved else {
                Issue.record("\(saved)")
                return
            }
            #expect(bytes == Int64(service.entries.last?.bytes.count ?? 0))
            try fixture.empty()
            #expect(await cache.restore([fixture.memory], key: "Linux-1") == .hit(key: "Linux-1", bytes: bytes))
            #expect(try fixture.contents() == before)
            #expect(try fixture.leftovers() == [])
            #expect(service.requests(.putBlock).count == (blocks ? Int(bytes + 99_999) / 100_000 : 0))
            #expect(service.requests(.putBlob).count == (blocks ? 0 : 1))
            #expect(service.requests(.get).count == (blocks ? Int(bytes + 63_999) / 64_000 : 1))
            #expect(service.mostAtOnce <= 3)
        }
    }

    @Test("the service is reached through the proxy of the machine, and what is on this machine without")
    func proxy() async throws {
        try await CacheFixture.run { fixture, service in
            try await TunnelProxy.run(to: service.server.port) { proxy in
                try fixture.fill()
                let before = try fixture.contents()
                // A name that only the proxy knows. The addresses that the service gives out are those of this machine.
                let cache = try fixture.cache(
                    service, adding: ["ACTIONS_RESULTS_URL": "http://results.test/", "HTTP_PROXY": proxy.url])
                #expect(await cache.save([fixture.memory], key: "k").isSaved)
                try fixture.empty()
                #expect(await cache.restore([fixture.memory], key: "k").key == "k")
                #expect(try fixture.contents() == before)
                #expect(Set(proxy.asked.map(\.target)) == ["results.test:80"])
                #expect(service.requests(.get).count > 0)
            }
        }
    }

    @Test(
        "a proxy that opens no tunnel is said",
        arguments: [
            ("407 Proxy Authentication Required", "the proxy wants another user name"),
            ("503 Service Unavailable", "the proxy opened no tunnel"),
        ])
    func noTunnel(_ answer: String, _ words: String) async throws {
        try await CacheFixture.run { fixture, service in
            try await TunnelProxy.run(to: service.server.port, answer: { _ in answer }) { proxy in
                let cache = try fixture.cache(
                    service, adding: ["ACTIONS_RESULTS_URL": "http://results.test/", "http_proxy": proxy.url])
                guard case .failed(let reason) = await cache.restore([fixture.memory], key: "k") else {
                    Issue.record("it did not fail")
                    return
                }
                #expect(reason.contains(words), "\(reason)")
                #expect(service.server.requests.isEmpty)
            }
        }
    }

    @Test("a restore replaces what is there, and keeps nothing beside it")
    func replaces() async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill()
            let before = try fixture.contents()
            let cache = try fixture.cache(service)
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            try Data("other".utf8).write(to: URL(fileURLWithPath: "\(fixture.memory)/only-here"))
            try Data("changed".utf8).write(to: URL(fileURLWithPath: "\(fixture.memory)/big"))
            #expect(await cache.restore([fixture.memory], key: "k").key == "k")
            #expect(try fixture.contents() == before)
            #expect(try fixture.leftovers() == [])
        }
    }

    @Test("several directories, one of them below another and one missing, are one entry")
    func severalPaths() async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill()
            let inside = "\(fixture.workspace)/inside"
            try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: true)
            try Data("in the workspace".utf8).write(to: URL(fileURLWithPath: "\(inside)/file"))
            let paths = [fixture.memory, "\(fixture.memory)/sessions", inside, "\(fixture.workspace)/missing"]
            let before = try [fixture.contents(), fixture.contents(inside)]
            let cache = try fixture.cache(service)
            #expect(await cache.save(paths, key: "k").isSaved)
            try fixture.empty()
            try FileManager.default.removeItem(atPath: inside)
            let outcome = await cache.restore(paths, key: "k")
            #expect(outcome.key == "k", "\(outcome)")
            #expect(try [fixture.contents(), fixture.contents(inside)].map(\.keys.count) == before.map(\.keys.count))
            #expect(try fixture.contents(inside) == before[1])
            #expect(await cache.restore([fixture.memory], key: "k") == .miss, "other paths are another version")
        }
    }

    @Test("prefixes find the newest entry, the key before its prefixes")
    func prefixes() async throws {
        try await CacheFixture.run { fixture, service in
            let cache = try fixture.cache(service)
            for key in ["app-main-1", "app-main-2", "app-other-3"] {
                try Data(key.utf8).write(to: URL(fileURLWithPath: "\(fixture.memory)/key"))
                #expect(await cache.save([fixture.memory], key: key).isSaved)
            }
            let paths = [fixture.memory]
            #expect(await cache.restore(paths, key: "app-main-1", restoreKeys: ["app-"]).key == "app-main-1")
            #expect(await cache.restore(paths, key: "app-main-", restoreKeys: ["app-"]).key == "app-main-2")
            #expect(await cache.restore(paths, key: "none", restoreKeys: ["no", "app-"]).key == "app-other-3")
            #expect(await cache.lookUp(paths, key: "none", restoreKeys: ["app-m"]) == .found(key: "app-main-2"))
            #expect(await cache.lookUp(paths, key: "none") == .miss)
            #expect(await cache.restore(paths, key: "none") == .miss)
        }
    }

    @Test("the archive is downloaded from services of every kind")
    func services() async throws {
        var kinds = [
            ActionsCacheBehaviour(), ActionsCacheBehaviour(), ActionsCacheBehaviour(), ActionsCacheBehaviour(),
        ]
        kinds[0].ignoresRange = true
        (kinds[1].ignoresRange, kinds[1].omitsLength) = (true, true)
        (kinds[2].refusesHead, kinds[2].omitsDefaults) = (true, true)
        // Every address works once, so each range needs a new one.
        kinds[3].downloadUses = 1
        for behaviour in kinds {
            try await CacheFixture.run(behaviour) { fixture, service in
                try fixture.fill(size: 300_000)
                let before = try fixture.contents()
                let cache = try fixture.cache(service) { ($0.rangeSize, $0.concurrency) = (64_000, 1) }
                #expect(await cache.save([fixture.memory], key: "k").isSaved)
                try fixture.empty()
                #expect(await cache.restore([fixture.memory], key: "k").key == "k")
                #expect(try fixture.contents() == before)
            }
        }
    }

    @Test("another run's scope is not seen, the default branch's is")
    func scopes() async throws {
        try await CacheFixture.run { fixture, service in
            let main = try fixture.cache(service)
            #expect(await main.save([fixture.memory], key: "k-main").isSaved)
            let feature = service.token([.init("refs/heads/feature", 3), .init("refs/heads/main", 1)])
            let other = service.token([.init("refs/heads/other", 3)])
            let paths = [fixture.memory]
            #expect(await (try fixture.cache(service, token: feature)).restore(paths, key: "k").key == "k-main")
            #expect(await (try fixture.cache(service, token: other)).restore(paths, key: "k") == .miss)
        }
    }

    @Test("nothing secret is logged, and blob requests carry no token")
    func secrecy() async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill()
            let token = service.token()
            let cache = try fixture.cache(service, token: token) { $0.singleUploadLimit = 0 }
            service.script(.putBlock, [.status(503)])
            service.script(.get, [.status(403)])
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            #expect(await cache.restore([fixture.memory], key: "k").key == "k")
            let text = fixture.logs.text
            #expect(text.contains("Actions cache"))
            #expect(!text.contains(token))
            #expect(!text.contains("sig="))
            let blobs = service.requests.filter { !$0.path.hasPrefix("/twirp/") }
            #expect(blobs.count >= 4)
            #expect(blobs.allSatisfy { $0.header("Authorization") == nil && !$0.path.contains(token) })
        }
    }

    @Test("uploads look as Azure's client makes them")
    func uploadForm() async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill(size: 250_000)
            let cache = try fixture.cache(service) { ($0.singleUploadLimit, $0.blockSize) = (0, 100_000) }
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            let list = try #require(service.requests(.putBlockList).first)
            let ids = list.body.components(separatedBy: "<Latest>").dropFirst().compactMap {
                $0.components(separatedBy: "</Latest>").first
            }
            #expect(ids.count == service.requests(.putBlock).count)
            for (index, id) in ids.enumerated() {
                let text = String(decoding: Data(base64Encoded: id) ?? Data(), as: UTF8.self)
                #expect(text.count == 48)
                #expect(Int(text.suffix(12)) == index)
                #expect(UUID(uuidString: String(text.prefix(36))) != nil)
            }
            #expect(service.requests(.putBlock).allSatisfy { $0.header("Content-Length") == "\($0.bodyLength)" })
            #expect(service.requests(.putBlock).allSatisfy { $0.query.contains("%2B") && $0.query.contains("%3D") })
            let finalize = try #require(service.requests(.finalize).first)
            #expect(finalize.body.contains("\"size_bytes\":\"\(service.entries[0].bytes.count)\""))
        }
    }
}
