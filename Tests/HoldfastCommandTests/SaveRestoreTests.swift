import Foundation
import TestSupport
import Testing

@Suite("save and restore in a workflow")
struct SaveRestoreTests {
    private static let files = ["session/p/ses_1.json": #"{"id":1}"#, "message/m/1.json": #"{"text":"hello"}"#]
    private static let marked = files.merging([".version": "1"]) { $1 }

    /// A runner: a sandbox that the runner's variables are set in, in front of a cache service.
    private struct Runner {
        let sandbox: Sandbox
        let service: ActionsCacheService

        /// A run on a fresh machine with the same home.
        func job(_ run: Int, token: String? = nil, event: String = "push") throws -> Sandbox {
            if sandbox.exists("home/.cache") { try sandbox.remove("home/.cache") }
            var job = sandbox.machine("run-\(run)")
            for folder in ["workspace", "runner-temp"] {
                try FileManager.default.createDirectory(
                    atPath: sandbox.path(folder), withIntermediateDirectories: true)
            }
            let runner = service.environment(
                token: token, workspace: sandbox.path("workspace"), temporary: sandbox.path("runner-temp"))
            job.environment.merge(runner) { $1 }
            job.environment.merge([
                "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_RUN_ID": "\(run)", "GITHUB_RUN_ATTEMPT": "1",
                "GITHUB_REF_NAME": "main", "RUNNER_OS": "Linux", "GITHUB_EVENT_NAME": event,
                "HOLDFAST_AGENT": "github", "HOLDFAST_LOG_FORMAT": "text", "PATH": "/usr/bin:/bin",
            ]) { $1 }
            return job
        }

        /// Writes the state of a run.
        func write(_ files: [String: String], _ run: Int) throws {
            for (path, text) in files { try sandbox.write("run-\(run)/storage/\(path)", text) }
        }

        func files(_ run: Int) throws -> [String: String] { try sandbox.texts("run-\(run)/storage") }
    }

    private func run(_ body: (Runner) async throws -> Void) async throws {
        try await ActionsCacheService.run { service in
            try await Sandbox.run { sandbox in try await body(Runner(sandbox: sandbox, service: service)) }
        }
    }

    /// The same with a real S3 server as the store.
    private func runWithStore(_ body: (Runner) async throws -> Void) async throws {
        let server = try await TestServer.shared(.ministack)
        try await run { runner in
            try await body(Runner(sandbox: runner.sandbox.using(server), service: runner.service))
        }
    }

    private func expectSaved(_ run: Finished) throws {
        #expect(run.code == 0, "\(run.err)")
        #expect(try run.json["cache"] == .string("saved"), "\(run.out)\(run.err)")
        #expect(try run.json["store"] == .string("saved"), "\(run.out)\(run.err)")
    }

    @Test("Run 1 saves, run 2 restores from the cache and asks the store once; with the cache emptied, from the store")
    func roundTrip() async throws {
        try await runWithStore { runner in
            try runner.write(Self.files, 1)
            let first = try runner.job(1)
            let miss = try await first.holdfast("restore", "--json")
            #expect(miss.code == 0)
            #expect(try miss.json["status"] == .string("miss"))
            #expect(try miss.json["reason"] == .string("absent"))
            #expect(try miss.json["source"] == .null)
            let save = try await first.holdfast("save", "--json")
            try expectSaved(save)
            #expect(try save.json["cacheKey"] == .string("opencode-storage-github-owner-repo-main-Linux-1"))

            let hit = try await runner.job(2).holdfast("restore", "--json")
            #expect(hit.code == 0, "\(hit.err)")
            let report = try hit.json
            #expect(report["status"] == .string("hit"), "\(hit.out)\(hit.err)")
            #expect(report["source"] == .string("cache"))
            #expect(report["key"] == .string("opencode-storage-github-owner-repo-main-Linux-1"))
            #expect(report["requests"] == .number(1))
            let snapshot = try save.json["snapshot"]
            #expect(report["snapshot"] == snapshot)
            #expect(report["reason"] == .null)
            #expect(report["success"] == .bool(true))
            #expect(report["restoredPath"] == .string(runner.sandbox.path("run-2/storage")))
            #expect(try runner.files(2) == Self.marked)

            let other = runner.service.token([ActionsCacheService.Scope("refs/heads/other", 3)])
            let fallback = try await runner.job(3, token: other).holdfast("restore", "--json")
            #expect(try fallback.json["source"] == .string("s3"))
            #expect(try fallback.json["key"] == .string("s3:owner/repo"))
            #expect(try runner.files(3) == Self.marked)
        }
    }

    @Test("A cut archive is refused before anything is written, and the store is asked")
    func cutArchive() async throws {
        try await runWithStore { runner in
            try runner.write(Self.files, 1)
            try expectSaved(try await runner.job(1).holdfast("save", "--json"))
            let entry = try #require(runner.service.entries.first)
            runner.service.put(
                Array(entry.bytes.prefix(entry.bytes.count / 2)), key: entry.key + "9", version: entry.version)
            let restore = try await runner.job(2).holdfast("restore", "--json")
            #expect(restore.code == 0)
            #expect(try restore.json["source"] == .string("s3"))
            #expect(restore.err.contains("of the Actions cache cannot be used"), "\(restore.err)")
            #expect(try runner.files(2) == Self.marked)
        }
    }

    /// What an archive has beside an honest copy of the state, and a word of the reason why it is refused.
    enum HostileMember: String, CaseIterable {
        case climbingName, absoluteName, nameThroughLink, nameThroughClimbingLink, hardLink

        var reason: String {
            switch self {
            case .climbingName, .absoluteName, .hardLink: "outside of the directories to restore"
            case .nameThroughLink, .nameThroughClimbingLink: "a link whose target may lie outside"
            }
        }

        /// - Parameters:
        ///   - directory: the name of the cached directory, as archives have it.
        ///   - outside: the absolute path of a directory beside, with the file `kept`.
        func add(to tar: inout TarBuilder, _ directory: String, outside: String) {
            let climbing = "\(String(repeating: "../", count: 5))outside"
            let evil = Array("evil".utf8)
            switch self {
            case .climbingName: tar.add("\(directory)/\(climbing)/evil", content: evil)
            case .absoluteName: tar.add("\(outside)/evil", content: evil)
            case .nameThroughLink, .nameThroughClimbingLink:
                tar.add("\(directory)/l", type: "2", link: self == .nameThroughLink ? outside : climbing)
                tar.add("\(directory)/l/evil", content: evil)
            case .hardLink:
                tar.add("\(directory)/h", type: "1", link: "\(outside)/kept")
                tar.add("\(directory)/h", content: evil)
            }
        }
    }

    @Test(
        "An archive that reaches out of its directory is refused before anything is written, and the store is asked",
        arguments: HostileMember.allCases)
    func hostileArchive(_ member: HostileMember) async throws {
        try await runWithStore { runner in
            let sandbox = runner.sandbox
            try runner.write(Self.files, 1)
            try expectSaved(try await runner.job(1).holdfast("save", "--json"))
            let entry = try #require(runner.service.entries.first)
            let folder = "home/.cache/holdfast/actions"
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: sandbox.path(folder)).first {
                    !$0.hasSuffix(".lock")
                })

            let key = "opencode-storage-github-owner-repo-main-Linux-2"
            try sandbox.write("outside/kept", "kept")
            let archive = try await expanding(entry.bytes, sandbox) { tar in
                member.add(to: &tar, "../\(folder)/\(name)", outside: sandbox.path("outside"))
            }
            runner.service.put(archive, key: key, version: entry.version)

            let job = try runner.job(2)
            let before = try around(sandbox)
            let restore = try await job.holdfast("restore", "--json")
            #expect(restore.code == 0)
            #expect(try restore.json["status"] == .string("hit"), "\(restore.out)")
            #expect(try restore.json["source"] == .string("s3"), "\(restore.out)")
            let words = "the entry '\(key)' of the Actions cache cannot be used: "
            #expect(restore.err.contains(words) && restore.err.contains(member.reason), "\(restore.err)")
            #expect(try runner.files(2) == Self.marked)
            #expect(try around(sandbox) == before)
            let status = try FileManager.default.attributesOfItem(atPath: sandbox.path("outside/kept"))
            #expect(status[.referenceCount] as? Int == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.path(folder)) == ["\(name).lock"])

            // Where the store has nothing, the entry is named as the reason.
            let cold = try await runner.job(2).machine("run-2/cold")
                .holdfast("restore", "--json", "--store", "file://\(sandbox.path("run-2/empty"))")
            #expect(cold.code == 0)
            #expect(try cold.json["status"] == .string("corrupted"), "\(cold.out)\(cold.err)")
            #expect(try cold.json["reason"] == .string("corrupt"))
            #expect(try cold.json["key"] == .string(key))
            #expect(try around(sandbox) == before)
        }
    }

    /// An archive with more members at its end.
    private func expanding(
        _ archive: [UInt8], _ sandbox: Sandbox, _ add: (inout TarBuilder) -> Void
    ) async throws -> [UInt8] {
        try sandbox.write("archive/honest.zst", Data(archive))
        func zstd(_ arguments: String...) async throws {
            let run = try await sandbox.program("zstd", ["-q"] + arguments)
            try #require(run.code == 0, "\(run.err)")
        }
        try await zstd("-d", "--long=30", "archive/honest.zst", "-o", "archive/honest.tar")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: sandbox.path("archive/honest.tar"))))
        // The end of a tar is blocks of zeroes.
        while bytes.count >= 512, bytes.suffix(512).allSatisfy({ $0 == 0 }) { bytes.removeLast(512) }
        var tar = TarBuilder()
        tar.addRaw(bytes)
        add(&tar)
        try sandbox.write("archive/hostile.tar", Data(tar.finished))
        try await zstd("archive/hostile.tar", "-o", "archive/hostile.zst")
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: sandbox.path("archive/hostile.zst"))))
    }

    /// All of the sandbox but what the second run may write: its own folder, and the one of the cached directory.
    private func around(_ sandbox: Sandbox) throws -> [String: Data?] {
        try sandbox.tree("").filter { name, _ in
            !["run-2", "home/.cache"].contains { name == $0 || name.hasPrefix("\($0)/") }
        }
    }

    @Test("Where nobody names a store, the cache is all there is, and goes on from run to run")
    func cacheOnly() async throws {
        try await run { runner in
            try runner.write(Self.files, 1)
            let save = try await runner.job(1).holdfast("save", "--json")
            #expect(try save.json["cache"] == .string("saved"), "\(save.err)")
            #expect(try save.json["store"] == .string("skipped"))
            let restore = try await runner.job(2).holdfast("restore")
            #expect(restore.code == 0)
            #expect(restore.out.contains("the Actions cache"), "\(restore.out)")
            #expect(try runner.files(2) == Self.marked)
            #expect(!runner.sandbox.exists("home/.local/share/holdfast/store"))
            // What is in the cache is a store, and no copy of the files.
            let archive = String(decoding: runner.service.entries[0].bytes, as: UTF8.self)
            #expect(!archive.contains("ses_1.json"))
        }
    }

    @Test("Without a cache, a default store is the directory of this machine, as ever", arguments: [false, true])
    func noCache(_ isAction: Bool) async throws {
        try await run { runner in
            try runner.write(Self.files, 1)
            var job = try runner.job(1)
            // As a `run:` step sees it, or as the user wants it.
            if !isAction { job.environment["ACTIONS_RUNTIME_TOKEN"] = nil }
            let options = isAction ? ["--no-cache"] : []
            let save = try await job.program(Sandbox.binary, ["save", "--json"] + options)
            #expect(try save.json["store"] == .string("saved"), "\(save.err)")
            #expect(try save.json["cache"] == .string("skipped"))
            #expect(save.err.contains("ACTIONS_RUNTIME_TOKEN") == !isAction, "\(save.err)")
            #expect(runner.service.requests.isEmpty)
            let restore = try await job.machine("elsewhere").program(Sandbox.binary, ["restore", "--json"] + options)
            #expect(try restore.json["source"] == .string("file"))
            #expect(try restore.json["key"] == .string("file:owner/repo"))
        }
    }

    @Test("A read-only token is said to be one, and the store is saved to")
    func readOnlyToken() async throws {
        try await runWithStore { runner in
            try runner.write(Self.files, 1)
            let token = runner.service.token([ActionsCacheService.Scope("refs/heads/main", 1)])
            let save = try await runner.job(1, token: token).holdfast("save", "--json")
            #expect(save.code == 0)
            #expect(try save.json["cache"] == .string("denied"), "\(save.err)")
            #expect(try save.json["store"] == .string("saved"))
            #expect(try save.json["success"] == .bool(true))
            #expect(runner.service.entries.isEmpty)
        }
    }

    @Test("Two saves of one run: the second finds the entry there, which is fine")
    func exists() async throws {
        try await runWithStore { runner in
            try runner.write(Self.files, 1)
            let job = try runner.job(1)
            try expectSaved(try await job.holdfast("save", "--json"))
            let again = try await job.holdfast("save", "--json")
            #expect(again.code == 0)
            #expect(try again.json["cache"] == .string("exists"), "\(again.err)")
            #expect(try again.json["requests"] == .number(1))
        }
    }

    @Test(
        "A store that is down is a warning and exit code 0, with --strict exit code 1; the cache is saved to either way"
    )
    func storeDown() async throws {
        try await run { runner in
            try runner.write(Self.files, 1)
            var down = runner.sandbox.using(
                "http://127.0.0.1:1", bucket: "bucket",
                key: try await TestServer.shared(.ministack).identities.full)
            down.environment["AWS_MAX_ATTEMPTS"] = "1"
            let offline = Runner(sandbox: down, service: runner.service)
            let save = try await offline.job(1).holdfast("save", "--json")
            #expect(save.code == 0)
            #expect(try save.json["store"] == .string("failed"))
            #expect(try save.json["cache"] == .string("saved"), "\(save.err)")
            #expect(try save.json["error"]["code"] == .string("unreachable"))
            #expect(save.err.contains("warning: "))
            let restore = try await offline.job(2).holdfast("restore", "--json")
            #expect(restore.code == 0)
            #expect(try restore.json["source"] == .string("cache"), "\(restore.err)")
            #expect(try offline.files(2) == Self.marked)
            for command in ["save", "restore"] {
                let strict = try await offline.job(2).holdfast(command, "--strict", "--json")
                #expect(strict.code == 1)
                #expect(strict.err.contains("holdfast \(command): "), "\(strict.err)")
            }
            // Neither can be had.
            let cold = try await offline.job(3).holdfast("restore", "--no-cache")
            #expect(cold.code == 0)
            #expect(cold.out.contains("Starting cold (unreachable)"))
        }
    }

    @Test("A pull request from a fork never writes to the store, and it is said in one line")
    func fork() async throws {
        try await runWithStore { runner in
            try runner.write(Self.files, 1)
            try runner.sandbox.write(
                "event.json",
                #"""
                {"pull_request":{"head":{"repo":{"full_name":"mallory/repo"}}},"repository":{"full_name":"owner/repo"}}
                """#)
            var job = try runner.job(1, event: "pull_request")
            job.environment["GITHUB_EVENT_PATH"] = runner.sandbox.path("event.json")
            let save = try await job.holdfast("save", "--json")
            #expect(save.code == 0)
            #expect(try save.json["store"] == .string("skipped"))
            #expect(try save.json["cache"] == .string("saved"), "\(save.err)")
            let lines = save.err.split(separator: "\n").filter { $0.contains("the store is not written to") }
            #expect(lines.count == 1, "\(save.err)")
            #expect(
                try await runner.job(2).holdfast("restore", "--no-cache", "--json").json["reason"] == .string("absent"))
        }
    }

    @Test("The token of the cache service is in no output", arguments: ["save", "restore"])
    func token(_ command: String) async throws {
        try await run { runner in
            try runner.write(Self.files, 1)
            let token = runner.service.token()
            let run = try await runner.job(1, token: token).holdfast(command, "-v")
            #expect(run.code == 0)
            #expect(!(run.out + run.err).contains(token))
        }
    }

    @Test(
        "What the user got wrong is wrong usage, whatever is not to fail",
        arguments: [
            ["restore", "--restore-policy", "oldest"], ["restore", "--share-from", "Not A Name"],
            ["save", "--store", "nonsense"], ["save", "--repo", "nonsense"],
        ])
    func usage(_ arguments: [String]) async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.program(Sandbox.binary, arguments)
            #expect(run.code == 64, "\(run.err)")
        }
    }

    @Test("An empty state saves nothing, and says so")
    func empty() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("save")
            #expect(run.code == 0)
            #expect(run.out.contains("Nothing to save"))
        }
    }
}
