import Foundation
import TestSupport
import Testing

@Suite("holdfast policy")
struct PolicyCommandTests {
    private static let store = ["--store", "s3://my-bucket", "--region", "eu-central-1", "--agent", "github"]

    private func policy(_ sandbox: Sandbox, _ arguments: String...) async throws -> Finished {
        try await sandbox.program(Sandbox.binary, ["policy"] + Self.store + arguments)
    }

    @Test("Each document alone is JSON that can be handed to AWS", arguments: ["iam", "bucket", "trust"])
    func alone(_ name: String) async throws {
        try await Sandbox.run { sandbox in
            let run = try await policy(sandbox, "--print", name, "--account", "123456789012")
            #expect(run.code == 0)
            let document = try JSONDecoder().decode(JSONValue.self, from: Data(run.out.utf8))
            #expect(document["Version"].string == "2012-10-17")
            #expect(document["Statement"].array?.isEmpty == false)
            #expect(!run.out.contains("ACCOUNT_ID"))
            let json = try await policy(sandbox, "--json", "--account", "123456789012").json
            #expect(document == (name == "iam" ? json["iam"]["run"] : json[name]))
        }
    }

    @Test("Without --print all documents are shown, prune's apart from the run's")
    func all() async throws {
        try await Sandbox.run { sandbox in
            let run = try await policy(sandbox)
            #expect(run.code == 0)
            let headings = run.out.split(separator: "\n").filter { $0.hasPrefix("## ") }
            #expect(
                headings == [
                    "## IAM policy for runs", "## IAM policy for holdfast prune, a role of its own", "## Bucket policy",
                    "## Trust policy of the role, for GitHub Actions",
                ])
            #expect(
                run.out.contains("\"token.actions.githubusercontent.com:sub\": \"repo:owner/repo:ref:refs/heads/main\"")
            )
            #expect(run.err.contains("put the number of your account in the place of ACCOUNT_ID"))
            let json = try await policy(sandbox, "--json").json
            #expect(json["success"].bool == true)
            #expect(Set(try #require(json["iam"].object).keys) == ["run", "read", "prune"])
            #expect(json["memory"].string == "s3://my-bucket/opencode-storage/github/owner-repo")
        }
    }

    @Test("The account comes from the bucket's owner if it is not given")
    func owner() async throws {
        try await Sandbox.run { sandbox in
            let run = try await policy(sandbox, "--print", "trust", "--expected-bucket-owner", "210987654321")
            #expect(run.out.contains("arn:aws:iam::210987654321:oidc-provider/"))
            #expect(run.err == "")
        }
    }

    @Test("An environment takes the place of the branch")
    func environment() async throws {
        try await Sandbox.run { sandbox in
            let run = try await policy(sandbox, "--print", "trust", "--environment", "production")
            #expect(run.out.contains("\"repo:owner/repo:environment:production\""))
            #expect(!run.out.contains("refs/heads"))
        }
    }

    @Test("A repository that is none of GitHub's has no trust policy")
    func nested() async throws {
        try await Sandbox.run { sandbox in
            let run = try await policy(sandbox, "--repo", "group/part/name")
            #expect(run.code == 0)
            #expect(!run.out.contains("## Trust policy"))
            #expect(run.err.contains("no trust policy: 'group/part/name'"))
            #expect(try await policy(sandbox, "--repo", "group/part/name", "--json").json["trust"].isNull)
            #expect(try await policy(sandbox, "--repo", "group/part/name", "--print", "trust").code == 64)
        }
    }

    @Test(
        "What cannot be is wrong usage, and says why",
        arguments: [
            (["--store", "file:///tmp/x"], "Use --store s3://BUCKET"),
            (["--store", "s3://name--use1-az1--x-s3"], "general purpose buckets only"),
            (["--account", "123"], "12 digits"), (["--owner-id", "1"], "belong together"),
            (["--owner-id", "a", "--repository-id", "1"], "must be numbers"),
            (["--branch", "*"], "without wildcards"), (["--scope", "everything"], "scope"),
        ])
    func wrong(_ arguments: [String], _ reason: String) async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.program(Sandbox.binary, ["policy"] + Self.store + arguments)
            #expect(run.code == 64)
            #expect(run.out == "")
            #expect(run.err.contains(reason), "\(run.err)")
        }
    }

    @Test("Wider scopes need no repository, one memory does")
    func noRepository() async throws {
        try await Sandbox.run { sandbox in
            var sandbox = sandbox
            sandbox.environment["HOLDFAST_REPO"] = nil
            let (one, all) = (try await policy(sandbox), try await policy(sandbox, "--scope", "agent"))
            #expect(one.code == 64)
            #expect(all.code == 0)
        }
    }
}
