import Foundation
import S3Store
import TestSupport
import Testing

@testable import Holdfast

@Suite("Policies as documents")
struct PolicyDocumentTests {
    private func policies(
        region: String = "eu-central-1", prefix: String = "opencode-storage", repository: String = "octo-org/website",
        scope: PolicyScope = .memory
    ) throws -> MemoryPolicies {
        MemoryPolicies(
            S3ResourceName(bucket: "bucket", region: region),
            try MemoryLocation(prefix: prefix, agent: .github, repository: repository), scope: scope)
    }

    @Test("The policy of a run is what it is")
    func run() throws {
        #expect(
            try policies().identityPolicy(for: .run).text == """
                {
                  "Version": "2012-10-17",
                  "Statement": [
                    {
                      "Sid": "List",
                      "Effect": "Allow",
                      "Action": "s3:ListBucket",
                      "Resource": "arn:aws:s3:::bucket",
                      "Condition": {
                        "StringLike": {
                          "s3:prefix": [
                            "opencode-storage/github/octo-org-website/commits/*",
                            "opencode-storage/github/octo-org-website/packs/*",
                            "opencode-storage/github/octo-org-website/storage/*"
                          ]
                        }
                      }
                    },
                    {
                      "Sid": "ReadAndWrite",
                      "Effect": "Allow",
                      "Action": [
                        "s3:GetObject",
                        "s3:PutObject"
                      ],
                      "Resource": [
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/commits/*",
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/packs/*",
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/storage/*",
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/mirror",
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/probes/*"
                      ]
                    },
                    {
                      "Sid": "AbortUploads",
                      "Effect": "Allow",
                      "Action": "s3:AbortMultipartUpload",
                      "Resource": [
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/packs/*",
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/storage/*"
                      ]
                    },
                    {
                      "Sid": "Delete",
                      "Effect": "Allow",
                      "Action": "s3:DeleteObject",
                      "Resource": [
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/storage/*",
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/mirror",
                        "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/probes/*"
                      ]
                    }
                  ]
                }
                """)
    }

    /// Everything that statements with an action are about.
    private func resources(_ document: PolicyDocument, _ action: String) throws -> [String] {
        let json = try JSONDecoder().decode(JSONValue.self, from: Data(document.text.utf8))
        return (json["Statement"].array ?? []).filter { texts($0["Action"]).contains(action) }
            .flatMap { texts($0["Resource"]) }
    }

    private func texts(_ value: JSONValue) -> [String] {
        value.array.map { $0.compactMap(\.string) } ?? [value.string].compactMap(\.self)
    }

    @Test("No role but prune may delete commits or packs, and none may write what a prune believes but prune")
    func separation() throws {
        for scope in PolicyScope.allCases {
            let policies = try policies(scope: scope)
            for role in [MemoryRole.run, .read] {
                let document = policies.identityPolicy(for: role)
                for name in try resources(document, "s3:DeleteObject") {
                    #expect(!name.contains("/commits/") && !name.contains("/packs/"))
                }
                #expect(!document.text.contains("/prune/"))
            }
            #expect(try resources(policies.identityPolicy(for: .read), "s3:PutObject") == [])
            let prune = policies.identityPolicy(for: .prune)
            #expect(try resources(prune, "s3:DeleteObject").contains { $0.hasSuffix("/commits/*") })
            for name in try resources(prune, "s3:PutObject") { #expect(name.hasSuffix("/prune/*")) }
        }
    }

    @Test("Without the mirror view a run may delete its probes and nothing else")
    func noMirror() throws {
        var policies = try policies()
        policies.keepsMirror = false
        let document = policies.identityPolicy(for: .run)
        #expect(
            try resources(document, "s3:DeleteObject") == [
                "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/probes/*"
            ])
        #expect(try !resources(document, "s3:PutObject").contains { $0.contains("/storage/") })
    }

    @Test(
        "Each partition has its own names",
        arguments: [
            ("eu-west-1", "arn:aws:s3:::bucket"), ("cn-north-1", "arn:aws-cn:s3:::bucket"),
            ("us-gov-west-1", "arn:aws-us-gov:s3:::bucket"),
        ])
    func partitions(_ region: String, _ bucket: String) throws {
        let policies = try policies(region: region)
        #expect(try resources(policies.identityPolicy(for: .read), "s3:ListBucket") == [bucket])
        #expect(policies.bucketPolicy.text.contains("\"\(bucket)/*\""))
        var trust = GitHubTrust()
        trust.account = "123456789012"
        trust.branches = ["main"]
        let document = try trust.policy(for: "o/r", partition: policies.resource.partition).text
        #expect(document.contains("\"\(bucket.replacing("s3:::bucket", with: "iam::123456789012:oidc-provider/"))"))
        #expect(document.contains(region == "cn-north-1" ? "\"sts.amazonaws.com.cn\"" : "\"sts.amazonaws.com\""))
    }

    @Test("Wider scopes are patterns; in them the bucket's policy is about keys of commits alone")
    func scopes() throws {
        let agent = try policies(scope: .agent)
        let prefix = try policies(scope: .prefix)
        #expect(
            try resources(agent.identityPolicy(for: .read), "s3:GetObject").first
                == "arn:aws:s3:::bucket/opencode-storage/github/*/commits/*")
        #expect(
            try resources(prefix.identityPolicy(for: .read), "s3:GetObject").first
                == "arn:aws:s3:::bucket/opencode-storage/*/*/commits/*")
        #expect(
            try resources(agent.bucketPolicy, "s3:PutObject") == [
                "arn:aws:s3:::bucket/opencode-storage/github/*/commits/09??????????????????*"
            ])
        #expect(
            try resources(policies().bucketPolicy, "s3:PutObject") == [
                "arn:aws:s3:::bucket/opencode-storage/github/octo-org-website/commits/*"
            ])
    }

    @Test("What would be a wildcard or a variable in a policy is written literally")
    func wildcards() throws {
        let document = try policies(prefix: "a*b/c?", repository: "o/${x}").identityPolicy(for: .read)
        #expect(
            try resources(document, "s3:GetObject").first
                == "arn:aws:s3:::bucket/a${*}b/c${?}/github/o-${$}{x}/commits/*")
    }

    @Test("Names with quotes, backslashes and letters of any script stay JSON")
    func quoting() throws {
        let document = try policies(prefix: "q\"ü\u{85}日").identityPolicy(for: .read)
        #expect(
            try resources(document, "s3:GetObject").first?
                .hasPrefix("arn:aws:s3:::bucket/q\"ü\u{85}日/github/") == true)
    }

    @Test("Encoded and printed, a document is the same")
    func encoding() throws {
        let document = try policies().identityPolicy(for: .run)
        let encoded = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(document))
        #expect(encoded == (try JSONDecoder().decode(JSONValue.self, from: Data(document.text.utf8))))
    }

    @Test(
        "A key of KMS may be used by way of S3 alone",
        arguments: [
            ("arn:aws:kms:eu-central-1:123456789012:key/1234", nil, "arn:aws:kms:eu-central-1:123456789012:key/1234"),
            ("1234", "210987654321", "arn:aws:kms:eu-central-1:210987654321:key/1234"),
            ("1234", nil, "arn:aws:kms:eu-central-1:*:key/1234"),
            ("alias/memory", "210987654321", "arn:aws:kms:eu-central-1:210987654321:key/*"),
            ("arn:aws:kms:eu-central-1:123456789012:alias/memory", nil, "arn:aws:kms:eu-central-1:123456789012:key/*"),
        ] as [(String, String?, String)])
    func key(_ id: String, _ account: String?, _ resource: String) throws {
        var policies = try policies()
        policies.encryptionKey = EncryptionKey(id, account: account)
        let run = policies.identityPolicy(for: .run)
        #expect(try resources(run, "kms:Decrypt") == [resource])
        #expect(try resources(run, "kms:GenerateDataKey") == [resource])
        #expect(run.text.contains("\"kms:ViaService\": \"s3.eu-central-1.amazonaws.com\""))
        #expect(run.text.contains("\"kms:ResourceAliases\": \"alias/memory\"") == id.contains("alias/"))
        let read = policies.identityPolicy(for: .read)
        #expect(try resources(read, "kms:Decrypt") == [resource])
        #expect(try resources(read, "kms:GenerateDataKey") == [])
    }

    @Test(
        "The trust policy names each branch and environment, with the numbers of immutable subjects if they are given")
    func trust() throws {
        var trust = GitHubTrust()
        trust.branches = ["main", "release/1"]
        trust.environments = ["prod: eu"]
        func subjects() throws -> [String] {
            let text = try trust.policy(for: "octo/Repo", partition: "aws").text
            let json = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            let condition = json["Statement"].array?.first?["Condition"]["StringEquals"]
            return texts(try #require(condition)["token.actions.githubusercontent.com:sub"])
        }
        #expect(
            try subjects() == [
                "repo:octo/Repo:ref:refs/heads/main", "repo:octo/Repo:ref:refs/heads/release/1",
                "repo:octo/Repo:environment:prod%3A eu",
            ])
        trust.identifiers = ("12", "345")
        #expect(try subjects().first == "repo:octo@12/Repo@345:ref:refs/heads/main")
    }

    @Test("A trust policy for every branch, or for a repository that GitHub cannot have, is refused")
    func refusedTrust() throws {
        var trust = GitHubTrust()
        trust.branches = ["*"]
        #expect(throws: InvalidName.self) { try trust.policy(for: "o/r", partition: "aws") }
        trust.branches = ["main"]
        #expect(throws: InvalidName.self) { try trust.policy(for: "o/n/r", partition: "aws") }
        trust.environments = [""]
        #expect(throws: InvalidName.self) { try trust.policy(for: "o/r", partition: "aws") }
    }
}
