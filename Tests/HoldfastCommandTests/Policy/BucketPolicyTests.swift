import Foundation
import NIOCore
import ObjectStore
import S3Store
import TestSupport
import Testing

@testable import Holdfast

/// What a server shows of the bucket's policy. None of those that run here knows the condition key `s3:if-none-match`: they
/// take it for missing in every request. So only the half that denies can be seen; docs/security.md says so.
@Suite("The printed bucket policy")
struct BucketPolicyTests {
    /// The statement with a name, as a policy of its own.
    private func only(_ name: String, of policy: String, bucket: (String, String)) throws -> String {
        var document = try #require(try JSONSerialization.jsonObject(with: Data(policy.utf8)) as? [String: Any])
        let statements = try #require(document["Statement"] as? [[String: Any]])
        document["Statement"] = statements.filter { $0["Sid"] as? String == name }
        #expect((document["Statement"] as? [Any])?.count == 1)
        return String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
            .replacing("\\/", with: "/").replacing(bucket.0, with: bucket.1)
    }

    @Test("Without the header that makes a commit a new one, no commit is written; everything else is")
    func commits() async throws {
        try await RoleSandbox.run { roles in
            let administrator = ServerAdministrator(roles.server)
            let bucket = try await administrator.makeBucket()
            let sandbox = roles.owner.with("HOLDFAST_STORE", "s3://\(bucket)")
            let policy = try await roles.document("--print", "bucket")
            try await administrator.setPolicy(
                try only("DenyReplacingCommits", of: policy, bucket: (roles.server.bucket, bucket)), of: bucket)
            let memory = "\(try #require(sandbox.environment["HOLDFAST_PREFIX"]))/local/owner-repo"
            try await sandbox.withStore { store in
                for name in ["packs/00/a", "storage/commits/a", "mirror", "probes/a", "prune/a"] {
                    try await store.put(ObjectKey("\(memory)/\(name)"), .bytes(ByteBuffer(string: "1")), .overwrite)
                }
                let error = await #expect(throws: StoreError.self) {
                    try await store.put(
                        ObjectKey("\(memory)/commits/09999999999999999999"), .bytes(ByteBuffer(string: "1")), .overwrite
                    )
                }
                #expect(error?.kind == .denied)
            }
        }
    }

    @Test("Without TLS nothing is answered")
    func plain() async throws {
        try await RoleSandbox.run { roles in
            let administrator = ServerAdministrator(roles.server)
            let bucket = try await administrator.makeBucket()
            let sandbox = roles.owner.with("HOLDFAST_STORE", "s3://\(bucket)")
            try sandbox.write("storage/a", "1")
            #expect(try await sandbox.holdfast("push").code == 0)
            let policy = try await roles.document("--print", "bucket")
            try await administrator.setPolicy(
                try only("DenyWithoutTLS", of: policy, bucket: (roles.server.bucket, bucket)), of: bucket)
            for command in ["push", "pull", "log"] {
                let run = try await sandbox.holdfast(command)
                #expect(run.code == 1)
                #expect(run.err.contains("AccessDenied"))
            }
        }
    }
}
