import Foundation
import NIOCore
import ObjectStore
import S3Store
import TestSupport
import Testing

@testable import Holdfast

@Suite("holdfast doctor")
struct DoctorTests {
    @Test("A store in order has no problem, and nothing is left in it", arguments: TestServerKind.selected)
    func healthy(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        try await Sandbox.run { sandbox in
            let sandbox = sandbox.using(server)
            try sandbox.write("storage/a", "1")
            let found = try await sandbox.doctor()
            #expect(found.problems == [], "\(found.run.out)")
            for check in [
                Finding.Check.credentials, .endpoint, .clock, .bucket, .list, .write, .read, .delete, .memory,
            ] {
                #expect(found.verdict(check) == "ok", "\(check): \(found[check])")
            }
            #expect(found[.credentials]["text"].string?.contains("from environment") == true)
            #expect(found[.bucket]["text"].string?.contains(server.bucket) == true)
            #expect(
                found.verdict(.conditionalWrites) == (kind.traits.honoursConditionalPut ? "ok" : "warning"),
                "\(found[.conditionalWrites])")
            let prefix = try #require(sandbox.environment["HOLDFAST_PREFIX"])
            #expect(try await sandbox.objects(below: "\(prefix)/") == [])
        }
    }

    @Test("A directory as a store is looked at as well")
    func file() async throws {
        try await Sandbox.run { sandbox in
            let found = try await sandbox.doctor()
            #expect(found.problems == [])
            for check in [Finding.Check.list, .write, .read, .delete, .conditionalWrites, .memory, .state, .space] {
                #expect(found.verdict(check) == "ok", "\(check): \(found[check])")
            }
            #expect(found[.credentials].isNull)
            #expect(found[.storage]["text"].string?.hasPrefix("0 files in ") == true)
            let text = try await sandbox.holdfast("doctor")
            #expect(text.code == 0)
            #expect(text.out.contains("ok       list "))
            #expect(
                text.out.contains(
                    "ok       memory              empty: nothing at opencode-storage/local/owner-repo yet"))
        }
    }

    // MARK: Users who may not do everything

    @Test("Without the right to list, that is the problem, and the rest is looked at all the same")
    func noList() async throws {
        let server = try await TestServer.shared(.ministack)
        let key = try #require(server.identities.noList)
        try await Sandbox.run { sandbox in
            let found = try await sandbox.using(server, as: key).doctor()
            #expect(
                found[.list]["fix"].string?.contains("Allow s3:ListBucket on arn:aws:s3:::\(server.bucket)") == true)
            #expect(found[.list]["code"].string == "denied")
            #expect(found.verdict(.read) == "ok")
            #expect(found.verdict(.delete) == "ok")
            // What is there cannot be known.
            #expect(found.verdict(.memory) == "problem")
        }
    }

    @Test("Who may only read has a problem with writing, and none as a reader")
    func readOnly() async throws {
        let server = try await TestServer.shared(.ministack)
        let key = try #require(server.identities.readOnly)
        try await Sandbox.run { sandbox in
            let sandbox = sandbox.using(server, as: key)
            let found = try await sandbox.doctor()
            #expect(found.problems == ["write", "delete"])
            #expect(
                found[.write]["fix"].string?.contains("Allow s3:PutObject on arn:aws:s3:::\(server.bucket)/") == true)
            #expect(try await sandbox.doctor("--role", "read").problems == [])
        }
    }

    @Test("Who may do nothing is told the first right of each kind")
    func none() async throws {
        let server = try await TestServer.shared(.ministack)
        let key = try #require(server.identities.none)
        try await Sandbox.run { sandbox in
            let found = try await sandbox.using(server, as: key).doctor()
            #expect(found.problems.isSuperset(of: ["list", "write", "delete", "memory"]))
            #expect(found.verdict(.endpoint) == "ok")
        }
    }

    @Test("Rights below a prefix are enough there, and not beside it")
    func prefixOnly() async throws {
        let server = try await TestServer.shared(.ministack)
        let key = try #require(server.identities.prefixOnly)
        try await Sandbox.run { sandbox in
            let sandbox = sandbox.using(server, as: key)
            let inside = try await sandbox.doctor("--prefix", "prefix/\(server.prefix())")
            // This user may neither delete nor give up an upload.
            #expect(inside.problems.isSubset(of: ["write", "delete"]))
            #expect(inside[.write]["fix"].string?.contains("Allow s3:AbortMultipartUpload") == true)
            let outside = try await sandbox.doctor()
            #expect(outside.problems.isSuperset(of: ["list", "write"]))
        }
    }

    /// A prune is not tried in what it writes: that would be a mark.
    static let rights = PolicyRightsTests.rights.filter { $0 != .prune || $1 != .putObject }

    @Test("Each right that a role's policy lacks is named", arguments: rights)
    func missing(_ role: MemoryRole, _ action: S3Action) async throws {
        try await RoleSandbox.run { roles in
            try roles.owner.write("storage/a", "1")
            #expect(try await roles.owner.holdfast("push").code == 0)
            let complete = try await roles.user(role).doctor("--role", role.rawValue)
            #expect(complete.problems == [], "\(complete.run.out)")
            let found = try await roles.user(role, without: Right(action: action.rawValue))
                .doctor("--role", role.rawValue)
            #expect(!found.problems.isEmpty)
            #expect(found.run.out.contains("Allow \(action.rawValue) on arn:aws:s3:::\(roles.server.bucket)"))
        }
    }

    // MARK: Stores that cannot be used

    @Test("A wrong secret is a problem of the credentials", arguments: [TestServerKind.ministack, .juicefs])
    func wrongSecret(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        try await Sandbox.run { sandbox in
            let found = try await sandbox.using(server)
                .doctor(with: ["AWS_SECRET_ACCESS_KEY": "not-the-secret-of-this-key"])
            #expect(found.problems == ["credentials"], "\(found.run.out)")
            #expect(found[.credentials]["code"].string == "unauthenticated")
            #expect(found.verdict(.memory) == "skipped")
            #expect(!found.run.out.contains("not-the-secret-of-this-key"))
        }
    }

    @Test("A bucket that does not exist is said")
    func wrongBucket() async throws {
        let server = try await TestServer.shared(.ministack)
        try await Sandbox.run { sandbox in
            let found = try await sandbox.using(server).doctor("--store", "s3://no-such-bucket-here")
            #expect(found.problems == ["bucket"])
            #expect(found[.bucket]["code"].string == "no-such-bucket")
            #expect(found[.bucket]["fix"].string?.contains("Create the bucket") == true)
        }
    }

    @Test("A store that is down is a problem of the endpoint; this machine is looked at all the same")
    func down() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "1")
            let environment = [
                "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret-secret", "HOLDFAST_STORE": "s3://bucket",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            ]
            let found = try await sandbox.doctor("--allow-insecure-endpoint", with: environment)
            #expect(found.problems == ["endpoint"])
            #expect(found[.endpoint]["code"].string == "unreachable")
            #expect(found[.endpoint]["text"].string?.contains("Connection refused") == true)
            #expect(found[.storage]["text"].string?.hasPrefix("1 file in ") == true)
            #expect(found.verdict(.space) == "ok")
        }
    }

    @Test("No credentials is a problem that says where they could be")
    func noCredentials() async throws {
        try await Sandbox.run { sandbox in
            let found = try await sandbox.doctor("--store", "s3://bucket")
            #expect(found.problems == ["credentials"])
            #expect(found[.credentials]["fix"].string?.contains("AWS_ACCESS_KEY_ID") == true)
        }
    }

    @Test(
        "A clock that is off is told by how much, and is a problem where stores refuse it",
        arguments: [(-30, "ok"), (200, "warning"), (-200, "warning"), (1300, "problem"), (-1300, "problem")])
    func clock(_ seconds: Int, _ verdict: String) async throws {
        try await StubStore.run { store, _, sandbox in
            store.answering { request in
                guard request.method == "HEAD", request.key.isEmpty else { return nil }
                let formatter = DateFormatter()
                formatter.locale = Locale(identifier: "en_US_POSIX")
                formatter.timeZone = TimeZone(identifier: "GMT")
                formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
                let date = formatter.string(from: Date().addingTimeInterval(Double(seconds)))
                return .status(403, headers: [("Date", date)])
            }
            let found = try await sandbox.doctor()
            #expect(found.verdict(.clock) == verdict, "\(found[.clock])")
            guard verdict != "ok" else { return }
            let text = try #require(found[.clock]["text"].string)
            #expect(text.contains(seconds > 0 ? " s behind the store's" : " s ahead of the store's"))
            let told = try #require(Int(text.prefix { $0.isNumber }))
            #expect(abs(told - abs(seconds)) < 20)
            #expect(found[.clock]["code"].string == "clock-skew")
        }
    }

    @Test("A bucket that keeps versions is told from one that does not")
    func versioning() async throws {
        let server = try await TestServer.shared(.ministack)
        let administrator = ServerAdministrator(server)
        let bucket = try await administrator.makeBucket()
        try await Sandbox.run { sandbox in
            let sandbox = sandbox.using(server).with("HOLDFAST_STORE", "s3://\(bucket)")
            #expect(try await sandbox.doctor()[.versioning]["text"].string?.hasPrefix("off;") == true)
            try await administrator.enableVersioning(of: bucket)
            #expect(try await sandbox.doctor()[.versioning]["text"].string?.hasPrefix("on;") == true)
        }
    }
}
