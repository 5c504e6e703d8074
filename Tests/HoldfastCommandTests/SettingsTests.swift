import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import HoldfastCommand

extension World {
    /// A world without terminal, git and environment.
    static func test(_ environment: [String: String] = [:], origin: String? = nil) -> World {
        World(
            environment: environment, out: { _ in }, err: { _ in }, errIsTerminal: false, workingDirectory: "/current",
            accountHome: "/home/runner", gitOrigin: { origin })
    }
}

@Suite("Settings and where they come from")
struct SettingsTests {
    private func resolve(
        _ flags: [Setting: String] = [:], yaml: String? = nil, _ world: World = .test()
    ) async throws -> [String: String] {
        let file = try yaml.map { try ConfigFile(yaml: $0, path: "cfg.yaml") }
        let settings = try await Settings.resolve(flags, file: file, world: world)
        return Dictionary(uniqueKeysWithValues: settings.report.map { ($0.name, "\($0.value ?? "-") (\($0.origin))") })
    }

    @Test(
        "An option wins over the environment, that over the config file, and that over the default",
        arguments: [
            (Setting.prefix, "HOLDFAST_PREFIX", "a", "b", "c", "opencode-storage"),
            (.agent, "HOLDFAST_AGENT", "a", "b", "c", "local"),
            (.storage, "HOLDFAST_STORAGE", "/a", "/b", "/c", "/home/runner/.local/share/opencode/storage"),
            (
                .store, "HOLDFAST_STORE", "file:///a", "file:///b", "file:///c",
                "file:///home/runner/.local/share/holdfast/store"
            ),
            (.region, "AWS_REGION", "eu-a", "eu-b", "eu-c", "us-east-1"),
            (.concurrency, "HOLDFAST_CONCURRENCY", "1", "2", "3", "32"),
            (.addressing, "HOLDFAST_ADDRESSING", "path", "virtual", "auto", "auto"),
            (.sse, "HOLDFAST_SSE", "AES256", "aws:kms", "none", "none"),
            (.allowInsecureEndpoint, "HOLDFAST_ALLOW_INSECURE_ENDPOINT", "true", "1", "yes", "false"),
            (.mirror, "HOLDFAST_MIRROR", "false", "0", "no", "true"),
            (.restorePolicy, "HOLDFAST_RESTORE_POLICY", "cache-first", "store-first", "newest", "newest"),
            (.cache, "HOLDFAST_CACHE", "false", "0", "no", "true"),
            (.strict, "HOLDFAST_STRICT", "true", "1", "yes", "false"),
        ])
    func precedence(
        _ setting: Setting, variable: String, option: String, environment: String, file: String, fallback: String
    ) async throws {
        let name = setting.rawValue
        let yaml = "\(name): '\(file)'"
        let world = World.test([variable: environment])
        #expect(try await resolve([setting: option], yaml: yaml, world)[name] == "\(option) (--\(name))")
        #expect(try await resolve(yaml: yaml, world)[name] == "\(environment) (\(variable))")
        #expect(try await resolve(yaml: yaml)[name] == "\(file) (cfg.yaml)")
        #expect(try await resolve()[name] == "\(fallback) (default)")
        // Blank counts as unset.
        #expect(try await resolve(yaml: yaml, .test([variable: "  "]))[name] == "\(file) (cfg.yaml)")
    }

    @Test("Of several variables the first one counts")
    func variables() async throws {
        let all = [
            "HOLDFAST_REPO": "a/b", "GITHUB_REPOSITORY": "c/d", "AWS_REGION": "r1", "AWS_DEFAULT_REGION": "r2",
            "AWS_ENDPOINT_URL_S3": "https://one", "AWS_ENDPOINT_URL": "https://two",
        ]
        let first = try await resolve(.test(all))
        #expect(first["repo"] == "a/b (HOLDFAST_REPO)")
        #expect(first["region"] == "r1 (AWS_REGION)")
        #expect(first["endpoint-url"] == "https://one (AWS_ENDPOINT_URL_S3)")
        let second = try await resolve(
            .test(all.filter { !$0.key.hasSuffix("_S3") && !["HOLDFAST_REPO", "AWS_REGION"].contains($0.key) }))
        #expect(second["repo"] == "c/d (GITHUB_REPOSITORY)")
        #expect(second["region"] == "r2 (AWS_DEFAULT_REGION)")
        #expect(second["endpoint-url"] == "https://two (AWS_ENDPOINT_URL)")
    }

    private func resolve(_ world: World) async throws -> [String: String] { try await resolve([:], yaml: nil, world) }

    @Test("The agent is github in GitHub Actions, else local")
    func agent() async throws {
        #expect(try await resolve(.test(["GITHUB_ACTIONS": "true"]))["agent"] == "github (default)")
        #expect(try await resolve(.test(["GITHUB_ACTIONS": "false"]))["agent"] == "local (default)")
    }

    @Test(
        "The storage directory follows XDG_DATA_HOME, unless that is unset, blank or relative",
        arguments: [
            (["HOME": "/h", "XDG_DATA_HOME": "/data"], "/data/opencode/storage"),
            (["HOME": "/h"], "/h/.local/share/opencode/storage"),
            (["HOME": "/h", "XDG_DATA_HOME": ""], "/h/.local/share/opencode/storage"),
            (["HOME": "/h", "XDG_DATA_HOME": " "], "/h/.local/share/opencode/storage"),
            (["HOME": "/h", "XDG_DATA_HOME": "data"], "/h/.local/share/opencode/storage"),
            (["HOME": ""], "/home/runner/.local/share/opencode/storage"),
        ])
    func dataHome(environment: [String: String], path: String) async throws {
        #expect(try await resolve(.test(environment))["storage"] == "\(path) (default)")
    }

    @Test(
        "A directory has one spelling",
        arguments: [
            ("st", "/current/st"), ("./st/", "/current/st"), ("/a//b/./c/", "/a/b/c"), ("../st", "/current/../st"),
            ("/", "/"),
        ])
    func absolute(path: String, expected: String) { #expect(World.test().absolute(path) == expected) }

    @Test("Without a repository git is asked, and what git says has to be one")
    func repository() async throws {
        let world = World.test(origin: "git@github.com:owner/repo.git")
        #expect(try await resolve(world)["repo"] == "owner/repo (git remote origin)")
        #expect(try await resolve(.test(origin: "/srv/git/repo"))["repo"] == "- (not set)")
        await #expect(throws: UsageError.self) { try await resolve(.test(origin: "git@host:a/../b")) }
    }

    @Test("The profile that the variables of the AWS tools choose is shown")
    func profile() async throws {
        #expect(try await resolve(.test(["AWS_PROFILE": "work"]))["aws-profile"] == "work (AWS_PROFILE)")
        #expect(try await resolve([.awsProfile: "x"])["aws-profile"] == "x (--aws-profile)")
    }

    @Test(
        "A value that cannot be used is refused, and the message names where it was set",
        arguments: [
            (Setting.store, "ftp://x"), (.store, "s3://"), (.store, "s3://b/c"), (.store, "file://x"),
            (.store, "file:///"),
            (.prefix, "a//b"), (.prefix, "/a"), (.prefix, ".."), (.prefix, "a b"), (.agent, "A"), (.agent, "-a"),
            (.agent, String(repeating: "a", count: 65)), (.repo, "name"), (.repo, "a//b"), (.repo, "a/.."),
            (.include, "/"), (.include, "log/**,/"),
            (.mirror, "maybe"), (.mirror, "2"), (.addressing, "host"), (.expectedBucketOwner, "12345678901"),
            (.expectedBucketOwner, "12345678901x"), (.sse, "aes256"), (.sseKMSKeyID, "id"),
            (.allowInsecureEndpoint, "maybe"),
            (.concurrency, "0"), (.concurrency, "257"), (.concurrency, "-1"), (.concurrency, "9999999999999999999"),
            (.concurrency, "x"), (.limitRate, "0"), (.limitRate, "-1"), (.limitRate, "5T"),
            (.limitRate, "9999999999999G"),
        ] as [(Setting, String)])
    func wrong(_ setting: Setting, value: String) async throws {
        let variable = setting.variables[0]
        let cases: [(String, [Setting: String], [String: String], String?)] = [
            ("--", [setting: value], [:], nil), (variable, [:], [variable: value], nil),
            ("\(setting.rawValue) in cfg.yaml", [:], [:], "\(setting.rawValue): '\(value)'"),
        ]
        for (place, flags, environment, yaml) in cases {
            let error = await #expect(throws: UsageError.self, "\(place)") {
                try await resolve(flags, yaml: yaml, .test(environment))
            }
            #expect(error?.description.hasPrefix(place) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "A config file that cannot be understood is refused, with its name",
        arguments: [
            "a: [b", "- store", "secret: x", "store: {a: b}", "store: [a]", "store: ''", "just text", "{a: b}: c",
            "prefix: a\nprefix: b", "prefix: a\n---\nprefix: b", "include: [[a]]", "prefix: \u{1}", "prefix: *a",
        ])
    func brokenFile(_ yaml: String) async throws {
        let error = await #expect(throws: UsageError.self) { try await resolve(yaml: yaml) }
        #expect(error?.description.contains("cfg.yaml") == true)
    }

    @Test("A config file may be empty, and its patterns a list")
    func file() async throws {
        #expect(try await resolve(yaml: "")["prefix"] == "opencode-storage (default)")
        #expect(try await resolve(yaml: "# nothing\n")["prefix"] == "opencode-storage (default)")
        #expect(try await resolve(yaml: "include: []")["include"] == "- (not set)")
        #expect(try await resolve(yaml: "include: ['log/**', 'bin/**']")["include"] == "log/**,bin/** (cfg.yaml)")
        #expect(try await resolve(yaml: "prefix: &name a\nagent: *name")["agent"] == "a (cfg.yaml)")
        #expect(try await resolve(yaml: #"prefix: "caf\u00e9""#)["prefix"] == "café (cfg.yaml)")
    }

    @Test(
        "A rate has an optional unit",
        arguments: [("1", 1), ("500K", 512_000), ("10m", 10_485_760), ("2G", 2_147_483_648)])
    func rate(text: String, bytes: Int) async throws {
        let settings = try await Settings.resolve([.limitRate: text], file: nil, world: .test())
        #expect(settings.limitRate == bytes)
    }
}

@Suite("The repository that git's origin names")
struct RepositoryNameTests {
    @Test(
        "The path after the host, without .git",
        arguments: [
            ("https://github.com/owner/repo.git", "owner/repo"), ("https://github.com/owner/repo", "owner/repo"),
            ("https://github.com/owner/repo/", "owner/repo"),
            ("https://user:token@github.com/owner/repo.git", "owner/repo"),
            ("git@github.com:owner/repo.git", "owner/repo"), ("github.com:owner/repo", "owner/repo"),
            ("git@host:/owner/repo.git", "owner/repo"), ("ssh://git@host:22/owner/repo.git", "owner/repo"),
            ("git://host/group/sub/repo.git", "group/sub/repo"), ("https://host/repo.git", nil), ("https://host", nil),
            ("/srv/git/owner/repo.git", nil), ("../owner/repo", nil), ("./a:b/c", nil), ("file:///srv/owner/repo", nil),
            ("", nil),
        ] as [(String, String?)])
    func name(address: String, expected: String?) { #expect(repositoryName(ofRemote: address) == expected) }
}

@Suite("The config command")
struct ConfigCommandTests {
    @Test("It prints values and origins, and no secret")
    func config() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("cfg.yaml", "prefix: from-file\nagent: bot\n")
            let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
            let environment = [
                "HOLDFAST_AGENT": "discord", "HOLDFAST_STORE": "s3://bucket",
                "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE00000WXYZ",
                "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": "https://user:password@host.example",
            ]
            for mode in [[], ["--json"], ["-v"], ["--log-format", "json"]] {
                let run = try await sandbox.program(
                    Sandbox.binary, ["config", "--config", "cfg.yaml", "--concurrency", "7"] + mode, with: environment)
                #expect(run.code == 0)
                for hidden in [secret, "AKIDEXAMPLE00000", "password"] {
                    #expect(!(run.out + run.err).contains(hidden))
                }
                if mode == ["--json"] {
                    let settings = try run.json["settings"]
                    #expect(
                        settings["concurrency"] == .object(["value": .string("7"), "source": .string("--concurrency")]))
                    #expect(settings["agent"]["source"].string == "HOLDFAST_AGENT")
                    #expect(settings["prefix"]["source"].string == "cfg.yaml")
                    #expect(settings["sse"]["source"].string == "default")
                    #expect(
                        settings["credentials"]
                            == .object(["value": .string("…WXYZ"), "source": .string("environment")]))
                } else {
                    let words = run.out.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
                    #expect(words.contains(["concurrency", "7", "(--concurrency)"]))
                    #expect(words.contains(["agent", "discord", "(HOLDFAST_AGENT)"]))
                    #expect(words.contains(["prefix", "from-file", "(cfg.yaml)"]))
                    #expect(words.contains(["credentials", "…WXYZ", "(environment)"]))
                }
            }
        }
    }

    @Test("The log format is a setting like others")
    func logFormat() async throws {
        try await Sandbox.run { sandbox in
            let option = try await sandbox.holdfast(
                "config", "--json", "--log-format", "json", with: ["HOLDFAST_LOG_FORMAT": "text"])
            #expect(
                try option.json["settings"]["log-format"]
                    == .object(["value": .string("json"), "source": .string("--log-format")]))
            let ci = try await sandbox.holdfast("config", "--json", with: ["CI": "1"])
            #expect(
                try ci.json["settings"]["log-format"]
                    == .object(["value": .string("json"), "source": .string("default")]))
        }
    }

    @Test("Without credentials it says where it looked, and is no failure")
    func noCredentials() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("config", "--store", "s3://bucket")
            #expect(run.code == 0)
            #expect(
                run.out.split(separator: "\n").contains { $0.hasPrefix("credentials ") && $0.hasSuffix("(not found)") })
            #expect(run.err.contains("AWS_ACCESS_KEY_ID is not set"))
        }
    }

    @Test("A profile that does not exist is a wrong setting")
    func noProfile() async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("ls", "--store", "s3://bucket", "--aws-profile", "nobody")
            #expect(run.code == 64)
            #expect(run.err.contains("“nobody” does not exist"))
            #expect(run.err.contains("hint: "))
        }
    }

    @Test("A config file that is missing or huge is refused")
    func file() async throws {
        try await Sandbox.run { sandbox in
            let missing = try await sandbox.holdfast("ls", "--config", "nowhere.yaml")
            #expect(missing.code == 64)
            #expect(missing.err.contains("'nowhere.yaml'"))
            try sandbox.write("huge.yaml", Data(repeating: 0x20, count: 2 << 20))
            #expect(try await sandbox.holdfast("ls", "--config", "huge.yaml").code == 64)
            #expect(try await sandbox.holdfast("ls", "--config", "/dev/zero").code == 64)
        }
    }
}
