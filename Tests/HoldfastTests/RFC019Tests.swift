import Foundation
import Logging
import ObjectStore
import S3Store
import TestSupport
import Testing

@testable import Holdfast

/// The test cases that RFC-019 itself lists, with the same expectations.
@Suite("RFC-019's own test cases")
struct RFC019Tests {
    @Test("buildS3Prefix builds the prefix from agent identity and repository")
    func prefix() {
        let config = S3Config(enabled: true, bucket: "bucket", region: "us-east-1", prefix: "opencode-storage")
        let prefix = buildS3Prefix(config, agentIdentity: .github, repo: "owner/repo")
        #expect(prefix == "opencode-storage/github/owner-repo/storage")
    }

    @Test("buildS3Prefix replaces every slash of the repository")
    func nestedRepository() {
        let config = S3Config(enabled: true, bucket: "bucket", region: "us-east-1", prefix: "storage")
        let prefix = buildS3Prefix(config, agentIdentity: .discord, repo: "org/nested/repo")
        #expect(prefix == "storage/discord/org-nested-repo/storage")
    }

    @Test("A client is made with the explicit credentials, and signs with them")
    func explicitCredentials() async throws {
        try await StubServer.run { request in
            let isOurs = request.header("authorization")?.contains("Credential=AKIA.../") == true
            return .status(isOurs ? 404 : 400)
        } _: { server in
            var config = S3Config(
                enabled: true, bucket: "bucket", region: "eu-west-1", prefix: "storage", accessKeyID: "AKIA...",
                secretAccessKey: "secret")
            config.endpoint = server.url
            config.allowInsecureEndpoint = true
            let found = try await withS3Client(config, logger: .silent) { client in
                try await client.find(ObjectKey("storage/x"))
            }
            #expect(found == nil)
        }
    }

    @Test("A sync returns at once, with zeroes, when it is not enabled", arguments: [syncToS3, syncFromS3])
    func disabled(_ sync: @Sendable (SyncOptions) async -> SyncResult) async {
        let result = await sync(
            SyncOptions(
                config: S3Config(enabled: false, bucket: "", region: "", prefix: ""), storagePath: "/tmp/storage",
                agentIdentity: .github, repo: "owner/repo", logger: .silent))
        #expect(result.success)
        #expect(result.objectCount == 0)
        #expect(result.totalBytes == 0)
        #expect(result.requests == 0)
        #expect(result.error == nil)
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
