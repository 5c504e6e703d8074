import Foundation
import ObjectStore
import Subprocess
import TestSupport
import Testing

@Suite("The action on a runner", .timeLimit(.minutes(3)))
struct ActTests {
    private static let first = #"mkdir -p session && printf '{"id":"ses_1"}' >session/ses_1.json"#
    private static let second = #"printf '{"id":"ses_2"}' >session/ses_2.json"#
    private static let one = ["session/ses_1.json": #"{"id":"ses_1"}"#]
    private static let both = one.merging(["session/ses_2.json": #"{"id":"ses_2"}"#]) { $1 }

    /// What the store holds, fetched by a machine that knows nothing.
    private func stored(_ lab: ActLab, _ server: TestServer, prefix: String) async throws -> [String: String] {
        let other = lab.sandbox.using(
            server.url, bucket: server.bucket, key: server.identities.full, prefix: prefix, region: server.region
        ).machine("other")
        let pull = try await other.holdfast("pull", "--agent", "github")
        try #require(pull.code == 0, "\(pull.err)")
        return try lab.sandbox.texts("other/storage").filter { $0.key != ".version" }
    }

    @Test("The first run saves, the second restores from the cache, and one with an emptied cache from the store")
    func roundTrip() async throws {
        let server = try await TestServer.shared(.ministack)
        let prefix = server.prefix("act")
        let store = ActLab.store(server, prefix: prefix)
        try await ActLab.run { lab in
            let cold = try await lab.run(.init(agent: Self.first, inputs: store.inputs, variables: store.variables))
            #expect(cold.code == 0, "\(cold.log)")
            #expect(cold.outputs?["cache-status"] == "miss")
            #expect(cold.outputs?["cache-source"] == "")
            #expect(cold.outputs?["object-count"] == "0")
            // The first run of a repository is no reason to warn anybody.
            #expect(cold.annotations("warning") == [], "\(cold.log)")
            #expect(cold.log.contains("Saved 2 files"), "\(cold.log)")
            #expect(cold.log.contains("store: saved, Actions cache: saved"))
            #expect(try await stored(lab, server, prefix: prefix) == Self.one)

            try await lab.becomeFreshRunner()
            let warm = try await lab.run(.init(agent: Self.second, inputs: store.inputs, variables: store.variables))
            #expect(warm.code == 0, "\(warm.log)")
            #expect(warm.outputs?["cache-status"] == "hit")
            #expect(warm.outputs?["cache-source"] == "cache")
            #expect(warm.outputs?["cache-key"]?.hasPrefix("opencode-storage-github-owner-repo-main-") == true)
            #expect(warm.outputs?["snapshot"]?.count == 64)
            #expect(warm.outputs?["object-count"] == "2")
            #expect(Double(warm.outputs?["duration"] ?? "") != nil)
            #expect(try lab.state == Self.both)
            #expect(try await stored(lab, server, prefix: prefix) == Self.both)

            try await lab.becomeFreshRunner()
            try lab.emptyCache()
            let evicted = try await lab.run(.init(inputs: store.inputs, variables: store.variables))
            #expect(evicted.code == 0, "\(evicted.log)")
            #expect(evicted.outputs?["cache-status"] == "hit")
            #expect(evicted.outputs?["cache-source"] == "s3")
            #expect(evicted.outputs?["cache-key"] == "s3:owner/repo")
            #expect(try lab.state == Self.both)

            for run in [cold, warm, evicted] {
                let secret = server.identities.full.secretKey
                // The runner shows what is masked as it comes; nothing else may have it.
                let shown = run.log.split(separator: "\n").filter { $0.contains(secret) && !$0.contains("add-mask") }
                #expect(shown == [])
            }
        }
    }

    @Test("With the store down the cache is enough; with both down the run is green and a warning says why it is cold")
    func down() async throws {
        let server = try await TestServer.shared(.ministack)
        let (prefix, closed) = (server.prefix("act"), try ClosedPort())
        let up = ActLab.store(server, prefix: prefix)
        let down = ActLab.store(server, at: closed.url, prefix: prefix)
        try await ActLab.run { lab in
            let before = try await lab.run(.init(agent: Self.first, inputs: up.inputs, variables: up.variables))
            #expect(before.code == 0, "\(before.log)")

            try await lab.becomeFreshRunner()
            let cacheOnly = try await lab.run(.init(agent: Self.second, inputs: down.inputs, variables: down.variables))
            #expect(cacheOnly.code == 0, "\(cacheOnly.log)")
            #expect(cacheOnly.outputs?["cache-status"] == "hit")
            #expect(cacheOnly.outputs?["cache-source"] == "cache")
            #expect(
                cacheOnly.annotations("warning").contains { $0.contains(closed.url.dropFirst(7)) }, "\(cacheOnly.log)")
            #expect(cacheOnly.log.contains("store: failed, Actions cache: saved"), "\(cacheOnly.log)")

            // What the cache alone has is there in the next run, and reaches the store with it.
            try await lab.becomeFreshRunner()
            let again = try await lab.run(.init(inputs: up.inputs, variables: up.variables))
            #expect(again.code == 0, "\(again.log)")
            #expect(try lab.state == Self.both)
            #expect(try await stored(lab, server, prefix: prefix) == Self.both)

            try await lab.becomeFreshRunner()
            let cold = try await lab.run(
                .init(
                    inputs: down.inputs, variables: down.variables,
                    runner: ["ACTIONS_CACHE_URL": "\(closed.url)/token/"]))
            #expect(cold.code == 0, "\(cold.log)")
            #expect(cold.outputs?["cache-status"] == "miss")
            #expect(
                cold.annotations("warning").contains { $0.contains("without its memory (unreachable)") }, "\(cold.log)")
        }
    }

    @Test("Without a store the cache keeps the memory from run to run")
    func cacheOnly() async throws {
        try await ActLab.run { lab in
            let cold = try await lab.run(.init(agent: Self.first))
            #expect(cold.code == 0, "\(cold.log)")
            #expect(cold.outputs?["cache-status"] == "miss")
            #expect(cold.annotations("warning") == [])
            for agent in [Self.second, ":"] {
                try await lab.becomeFreshRunner()
                let warm = try await lab.run(.init(agent: agent))
                #expect(warm.code == 0, "\(warm.log)")
                #expect(warm.outputs?["cache-source"] == "cache")
                #expect(try lab.state == Self.both)
            }
        }
    }

    @Test("The cache of github.com (version 2) keeps the memory as well; without its token there is a notice")
    func version2() async throws {
        try await ActionsCacheService.run { service in
            try await ActLab.run { lab in
                var job = ActLab.Job(agent: Self.first)
                job.runner = [
                    "ACTIONS_CACHE_SERVICE_V2": "True", "ACTIONS_RESULTS_URL": "\(service.server.url)/",
                    "ACTIONS_RUNTIME_TOKEN": service.token(),
                ]
                let cold = try await lab.run(job)
                #expect(cold.code == 0, "\(cold.log)")
                #expect(cold.log.contains("Actions cache: saved"), "\(cold.log)")
                try await lab.becomeFreshRunner()
                job.agent = Self.second
                let warm = try await lab.run(job)
                #expect(warm.outputs?["cache-source"] == "cache", "\(warm.log)")
                #expect(try lab.state == Self.both)
                try await lab.becomeFreshRunner()
                job.runner["ACTIONS_RUNTIME_TOKEN"] = ""
                job.agent = ":"
                let none = try await lab.run(job)
                #expect(none.code == 0, "\(none.log)")
                #expect(none.outputs?["cache-status"] == "miss")
                #expect(none.log.contains("the Actions cache is not used"), "\(none.log)")
                #expect(none.log.contains("ACTIONS_RUNTIME_TOKEN"))
                // What nobody keeps is no plain miss.
                #expect(none.annotations("warning").contains { $0.contains("ends with this machine") })
            }
        }
    }

    @Test("A job that fails is saved")
    func failing() async throws {
        let server = try await TestServer.shared(.ministack)
        let prefix = server.prefix("act")
        let store = ActLab.store(server, prefix: prefix)
        try await ActLab.run { lab in
            let run = try await lab.run(
                .init(agent: Self.first + "\nexit 3", inputs: store.inputs, variables: store.variables))
            #expect(run.code == 1)
            #expect(run.log.contains("store: saved, Actions cache: saved"), "\(run.log)")
            #expect(try await stored(lab, server, prefix: prefix) == Self.one)
        }
    }

    @Test("A job that is cancelled in the middle is saved")
    func cancelled() async throws {
        let server = try await TestServer.shared(.ministack)
        let prefix = server.prefix("act")
        let store = ActLab.store(server, prefix: prefix)
        try await StubServer.run {
            _ in
            .hang
        } _: { stub in
            try await ActLab.run { lab in
                // The agent says that it is at work, and waits for an answer that never comes.
                let agent = """
                    \(Self.first)
                    exec 3<>/dev/tcp/127.0.0.1/\(stub.port)
                    printf 'GET /working HTTP/1.1\\r\\nHost: agent\\r\\n\\r\\n' >&3
                    read -r answer <&3
                    printf done >never
                    """
                let run = try await lab.run(.init(agent: agent, inputs: store.inputs, variables: store.variables)) {
                    send in
                    for await request in stub.arrivals where request.path == "/working" { break }
                    try send(.interrupt)
                }
                #expect(run.code != 0)
                #expect(run.log.contains("store: saved, Actions cache: saved"), "\(run.log)")
                #expect(try await stored(lab, server, prefix: prefix) == Self.one)
            }
        }
    }

    @Test("A store without a bucket fails the step in the RFC's words, and post has nothing to add")
    func noBucket() async throws {
        try await ActLab.run { lab in
            let run = try await lab.run(.init(inputs: ["s3-backup": "true"]))
            #expect(run.code == 1)
            #expect(
                run.annotations("error").first?.hasPrefix("s3-bucket required when s3-backup is enabled") == true,
                "\(run.log)")
            #expect(run.annotations("error").count == 1)
            #expect(run.log.contains("there is nothing to save"))
            #expect(try lab.state == [:])
        }
    }

    @Test("A program that is not there fails the step and says which")
    func noProgram() async throws {
        try await ActLab.run { lab in
            var job = ActLab.Job()
            job.program = lab.sandbox.path("no-such-program")
            let run = try await lab.run(job)
            #expect(run.code == 1)
            #expect(
                run.annotations("error").contains { $0.contains("no-such-program") && $0.contains("no such file") },
                "\(run.log)")
        }
    }
}
