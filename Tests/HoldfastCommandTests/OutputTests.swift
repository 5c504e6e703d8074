import Foundation
import TestSupport
import Testing

@Suite("What the command prints, and where")
struct OutputTests {
    static let members = [
        "success", "objectCount", "totalBytes", "transferredObjects", "transferredBytes", "requests", "snapshot",
        "merged",
        "mergeConflicts", "durationSeconds", "error", "problems", "conflicts", "replacedKeptAt", "skipped", "warnings",
        "mirrorProblems", "removed", "sessions", "heldBack",
    ]

    private func expectContract(_ json: JSONValue, success: Bool, hasSnapshot: Bool = false) {
        #expect(Set(json.object.map { Array($0.keys) } ?? []) == Set(Self.members))
        #expect(json["success"].bool == success)
        for name in [
            "objectCount", "totalBytes", "transferredObjects", "transferredBytes", "requests", "durationSeconds",
        ] {
            #expect(json[name].number ?? -1 >= 0, "\(name)")
        }
        if hasSnapshot {
            #expect(json["snapshot"].string?.wholeMatch(of: /[0-9a-f]{64}/) != nil)
        } else {
            #expect(json["snapshot"].isNull)
        }
        #expect(json["merged"].bool == false)
        for name in ["problems", "conflicts", "mergeConflicts", "warnings", "mirrorProblems"] {
            #expect(json[name].array == [], "\(name)")
        }
        if success {
            #expect(json["error"].isNull)
        } else {
            #expect(json["error"].object.map { Set($0.keys) } == ["code", "message", "hint"])
            #expect(json["error"]["code"].string?.isEmpty == false)
            #expect(json["error"]["message"].string?.isEmpty == false)
        }
    }

    @Test("With --json a transfer prints one object of the contract's shape", arguments: ["push", "pull"])
    func shape(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            #expect(try await sandbox.holdfast("push").code == 0)
            let done = try await sandbox.holdfast(command, "--json")
            #expect(done.code == 0)
            expectContract(try done.json, success: true, hasSnapshot: true)
            let failed = try await sandbox.holdfast(command, "--json", "--concurrency", "0")
            #expect(failed.code == 64)
            expectContract(try failed.json, success: false)
            let refused = try await sandbox.holdfast(
                command, "--json", "--store", "s3://bucket", "--endpoint-url", "http://127.0.0.1:1",
                "--allow-insecure-endpoint",
                with: ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1"])
            #expect(refused.code == 1)
            expectContract(try refused.json, success: false)
            #expect(try refused.json["error"]["code"].string == "unreachable")
            #expect(try refused.json["error"]["hint"].string != nil)
        }
    }

    @Test(
        "Every command prints one object with --json, also when it fails",
        arguments: SnapshotTests.commands.filter { !["action", "completions", "pull", "push"].contains($0) })
    func failureShape(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            let operands = ["cat": ["path"], "diff": ["latest"], "rollback": ["latest"]][command] ?? []
            let failed = try await sandbox.program(
                Sandbox.binary, [command, "--json", "--agent", "No Such Agent"] + operands)
            #expect(failed.code == 64)
            #expect(try failed.json["success"].bool == false)
            #expect(try failed.json["error"]["code"].string == "usage")
            #expect(failed.err.contains("--agent"))
        }
    }

    @Test("A command line that cannot be read is told on standard error alone, with exit code 64")
    func unreadableCommandLine() async throws {
        try await Sandbox.run { sandbox in
            for arguments in [["push", "--json", "--bogus"], ["nonsense"], ["pull", "--merge", "--force", "--json"]] {
                let run = try await sandbox.program(Sandbox.binary, arguments)
                #expect(run.code == 64)
                #expect(run.out == "")
                #expect(run.err.contains("Usage:"))
            }
        }
    }

    @Test(
        "A command that does not exist is refused with those that may be meant",
        arguments: [
            ("pul", "Did you mean 'pull'?"), ("psh", "Did you mean 'push'?"), ("Pul", "Did you mean 'pull'?"),
            ("lg", "Did you mean 'log' or 'ls'?"), ("a\u{1B}[2J", "There is no command 'a\\x1b[2J'.\n"),
            ("nonsense", "There is no command 'nonsense'.\n"),
        ])
    func noSuchCommand(_ name: String, _ words: String) async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.program(Sandbox.binary, [name])
            #expect(run.code == 64)
            #expect(run.out == "")
            #expect(run.err.contains(words), "\(run.err)")
            #expect(run.err.contains("holdfast --help"))
        }
    }

    @Test("Members that have no value stay in the objects as null")
    func nulls() async throws {
        try await Sandbox.run { sandbox in
            let config = try await sandbox.holdfast("config", "--json").json
            #expect(config["settings"]["endpoint-url"].object?["value"] == .null)
            #expect(config["settings"]["endpoint-url"].object?["source"] == .string("not set"))
            try await sandbox.put("a", "a")
            let entry = try await sandbox.holdfast("ls", "--json").json["objects"].array?.first?.object
            #expect(Set(entry.map { Array($0.keys) } ?? []) == ["path", "size", "lastModified", "etag", "sha256"])
        }
    }

    @Test("Text is for people: where, how much, what was skipped")
    func text() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "abc")
            try sandbox.write("storage/auth.json", "{}")
            try FileManager.default.createSymbolicLink(
                atPath: sandbox.path("storage/link"), withDestinationPath: "/etc/passwd")
            let push = try await sandbox.holdfast("push")
            let lines = push.out.split(separator: "\n")
            let store = "file://\(sandbox.path("home"))/.local/share/holdfast/store"
            let head = try #require(lines.first)
            #expect(head.hasPrefix("\(store)/opencode-storage/local/owner-repo: 1 file, 3 B in snapshot "))
            #expect(head.wholeMatch(of: /.* in snapshot [0-9a-f]{12}/) != nil)
            #expect(lines.dropFirst().first?.hasPrefix("1 uploaded, 0 unchanged (10 requests, ") == true)
            #expect(lines.last == "skipped: 1 excluded, 1 symbolic link")
            #expect(push.err == "")
            let list = try await sandbox.holdfast("ls").out
            #expect(list.hasPrefix("      3 B  20") && list.hasSuffix("Z  a\n"), "\(list)")
        }
    }

    @Test("An empty memory is no failure: one line says so and where it looked", arguments: [[], ["--json"]])
    func startingFresh(_ mode: [String]) async throws {
        try await Sandbox.run { sandbox in
            let pull = try await sandbox.program(Sandbox.binary, ["pull"] + mode)
            #expect(pull.code == 0)
            let line = mode.isEmpty ? pull.out : pull.err
            #expect(line.split(separator: "\n").count == 1)
            #expect(line.contains("starting fresh"))
            #expect(line.contains("holdfast/store/opencode-storage/local/owner-repo"))
            if !mode.isEmpty { expectContract(try pull.json, success: true) }
        }
    }

    @Test("On failure the standard output stays empty, and standard error says what, why and what to do")
    func failureText() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("pull", "--store", "ftp://x")
            #expect(run.code == 64)
            #expect(run.out == "")
            #expect(
                run.err == """
                    holdfast pull: --store: 'ftp://x' is not a store
                      hint: Use s3://BUCKET or file:///DIRECTORY.

                    """)
        }
    }

    @Test("--quiet prints errors only")
    func quiet() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            let push = try await sandbox.holdfast("push", "--quiet", with: ["CI": "true"])
            #expect(push.code == 0)
            #expect(push.out == "")
            #expect(push.err == "")
        }
        try await Sandbox.run { sandbox in
            try await sandbox.put("auth.json", "{}")
            let pull = try await sandbox.holdfast("pull", "-q")
            #expect(pull.code == 0)
            #expect(pull.out + pull.err == "")
            #expect(try await sandbox.holdfast("pull").err.contains("warning: "))
            #expect(try await sandbox.holdfast("ls", "-q", "--agent", "nobody").err == "")
            #expect(try await sandbox.holdfast("config", "-q", "--store", "s3://bucket").err == "")
            #expect(try await sandbox.holdfast("push", "-q", "--agent", "?").err.contains("--agent"))
        }
    }

    @Test("-v shows what is done, on standard error alone")
    func verbose() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "a")
            let plain = try await sandbox.holdfast("push")
            #expect(plain.err == "")
            try sandbox.write("storage/a", "b")
            let verbose = try await sandbox.holdfast("push", "-v")
            #expect(verbose.err.contains("debug: Uploaded to S3 objectKey=opencode-storage/local/owner-repo/storage/a"))
            #expect(!verbose.out.contains("debug"))
            let json = try await sandbox.holdfast("push", "-v", "--json")
            #expect(json.err.contains("debug: "))
            expectContract(try json.json, success: true, hasSnapshot: true)
        }
    }

    @Test(
        "Log lines are JSON where that is asked for, or where a CI system collects them",
        arguments: [
            (["--log-format", "json"], [:]), ([], ["HOLDFAST_LOG_FORMAT": "json"]), ([], ["CI": "true"]),
            (["--log-format", "json"], ["HOLDFAST_LOG_FORMAT": "text"]),
        ] as [([String], [String: String])])
    func jsonLog(arguments: [String], environment: [String: String]) async throws {
        try await Sandbox.run { sandbox in
            try await sandbox.put("auth.json", "{}")
            try await sandbox.put("a", "a")
            let run = try await sandbox.program(Sandbox.binary, ["pull", "-v"] + arguments, with: environment)
            let lines = try run.logLines
            #expect(lines.count >= 3)
            for line in lines {
                #expect(line["timestamp"].string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
                #expect(["debug", "info", "warning", "error"].contains(line["level"].string))
                #expect(line["message"].string?.isEmpty == false)
                #expect(line["metadata"].isNull)
            }
            #expect(lines.contains { $0["level"].string == "warning" && $0["path"].string == "auth.json" })
            // The failure of a setting, too.
            let failed = try await sandbox.program(
                Sandbox.binary, ["pull", "--concurrency", "many"] + arguments, with: environment)
            #expect(try failed.logLines.map { $0["code"].string } == ["usage"])
            let early = try await sandbox.program(
                Sandbox.binary, ["pull", "--config", "/nowhere"] + arguments, with: environment)
            #expect(try early.logLines.map { $0["code"].string } == ["usage"])
        }
    }

    @Test("Text log lines in CI if that is asked for")
    func textLogInCI() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("push", "--log-format", "text", "--agent", "?", with: ["CI": "true"])
            #expect(run.err.hasPrefix("holdfast push: "))
        }
    }

    @Test("A local store in CI is pointed out once")
    func localStoreInCI() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("ls", with: ["CI": "true", "HOLDFAST_LOG_FORMAT": "text"])
            #expect(run.err.components(separatedBy: "it is gone when the runner is").count == 2)
            #expect(try await sandbox.holdfast("ls").err.contains("runner") == false)
            let demo = try await sandbox.holdfast("demo", "--sessions", "1", with: ["CI": "true"])
            #expect(demo.err == "")
        }
    }

    @Test("A result that cannot be written is said")
    func fullOutput() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.program("/bin/sh", ["-c", #""$0" config > /dev/full"#, Sandbox.binary])
            #expect(run.err.contains("cannot write the result: No space left on device"))
        }
    }

    @Test("--version prints the version and nothing else")
    func version() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("--version")
            #expect(run.out.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
            #expect(run.code == 0)
        }
    }
}
