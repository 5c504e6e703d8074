import Testing

@testable import Holdfast

@Suite("Keys of cache entries")
struct CacheKeysTests {
    private static let run = [
        "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/heads/main", "RUNNER_OS": "Linux", "GITHUB_RUN_ID": "42",
        "GITHUB_RUN_ATTEMPT": "1",
    ]

    private func keys(_ changes: [String: String?] = [:], repository: String = "octo/web") -> CacheKeys {
        var environment = Self.run
        for (name, value) in changes { environment[name] = value }
        return CacheKeys(environment, agent: .github, repository: repository)
    }

    @Test("A run's keys name agent, repository, ref and system; its save adds the run")
    func plain() {
        let keys = keys()
        #expect(keys.primary == "opencode-storage-github-octo-web-main-Linux")
        #expect(
            keys.restorePrefixes == ["opencode-storage-github-octo-web-main-", "opencode-storage-github-octo-web-"])
        #expect(keys.save == "opencode-storage-github-octo-web-main-Linux-42")
    }

    @Test(
        "What the runner says decides, and there is a default for each",
        arguments: [
            (["GITHUB_RUN_ATTEMPT": "2"], "opencode-storage-github-octo-web-main-Linux-42-2"),
            (["GITHUB_RUN_ATTEMPT": "nonsense"], "opencode-storage-github-octo-web-main-Linux-42"),
            (["RUNNER_OS": "Windows"], "opencode-storage-github-octo-web-main-Windows-42"),
            (["RUNNER_OS": " "], "opencode-storage-github-octo-web-main-Linux-42"),
            (["GITHUB_RUN_ID": nil], "opencode-storage-github-octo-web-main-Linux-0"),
            (["GITHUB_REF_NAME": "feature/x"], "opencode-storage-github-octo-web-feature/x-Linux-42"),
            (["GITHUB_REF_NAME": "7/merge"], "opencode-storage-github-octo-web-7/merge-Linux-42"),
            (["GITHUB_REF_NAME": nil], "opencode-storage-github-octo-web-main-Linux-42"),
            (
                ["GITHUB_REF_NAME": nil, "GITHUB_REF": "refs/tags/v1"],
                "opencode-storage-github-octo-web-v1-Linux-42"
            ),
            (["GITHUB_REF_NAME": nil, "GITHUB_REF": nil], "opencode-storage-github-octo-web-main-Linux-42"),
        ] as [([String: String?], String)])
    func variables(_ changes: [String: String?], save: String) { #expect(keys(changes).save == save) }

    @Test(
        "No key is longer than the service takes, or has a comma, and two refs stay two",
        arguments: [
            String(repeating: "x", count: 600), String(repeating: "日本", count: 200),
            String(repeating: "👩‍👩‍👧‍👦", count: 100), "a,b", "a-b", ",", String(repeating: ",", count: 300),
        ])
    func bounded(_ ref: String) {
        let keys = keys(
            ["GITHUB_REF_NAME": ref, "GITHUB_RUN_ID": String(repeating: "9", count: 100), "RUNNER_OS": ref],
            repository: "\(String(repeating: "o", count: 300))/\(String(repeating: "r", count: 300))")
        for key in [keys.primary, keys.save] + keys.restorePrefixes {
            #expect(key.utf16.count <= 512)
            #expect(!key.contains(","))
        }
        #expect(keys.save.hasPrefix(keys.primary))
        #expect(keys.primary.hasPrefix(keys.restorePrefixes[0]))
        #expect(keys.restorePrefixes[0].hasPrefix(keys.restorePrefixes[1]))
        // The same each time, and another for another ref.
        #expect(keys.primary != self.keys(["GITHUB_REF_NAME": ref + "y"]).primary)
    }

    @Test("A ref with a comma is not the ref with a dash in its place")
    func commas() {
        #expect(keys(["GITHUB_REF_NAME": "a,b"]).primary != keys(["GITHUB_REF_NAME": "a-b"]).primary)
        #expect(keys(["GITHUB_REF_NAME": "a,b"]).primary == keys(["GITHUB_REF_NAME": "a,b"]).primary)
    }

    @Test("The cached store of a memory is always in the same place, and in another for another memory")
    func directories() throws {
        func directory(_ prefix: String, _ agent: AgentIdentity, _ repository: String) throws -> String {
            CachePlace.directory(
                for: try MemoryLocation(prefix: prefix, agent: agent, repository: repository), below: "/cache")
        }
        let first = try directory("p", .github, "a/b")
        #expect(first.hasPrefix("/cache/github-a-b-"))
        #expect(try first == directory("p", .github, "a/b"))
        let others = try [
            directory("q", .github, "a/b"), directory("p", .discord, "a/b"), directory("p", .github, "a/c"),
            directory("p", .github, "\(String(repeating: "a", count: 300))/b"),
        ]
        #expect(Set(others + [first]).count == 5)
        // What a file system takes as a name, with room for `.lock`.
        for path in others { #expect(path.utf8.count < "/cache/".utf8.count + 200) }
    }
}
