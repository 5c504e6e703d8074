import Basics
import Foundation
import ObjectStore
import S3Store
import TestSupport
import Testing

@testable import Holdfast

@Suite("The RFC's operations on real servers")
struct RealServerTests {
    private func options(_ server: TestServer, _ prefix: String, _ storage: String) -> SyncOptions {
        SyncOptions(
            config: S3Config(server, prefix: prefix), storagePath: storage, agentIdentity: .discord,
            repo: "org/nested/repo", logger: .silent)
    }

    @Test("syncToS3 and syncFromS3 bring a state round", arguments: TestServerKind.selected)
    func roundTrip(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        try await Fixture.with { fixture in
            var files = MirrorTests.state
            for index in 0..<150 {
                files["part/msg_\(index % 9)/prt_\(index).json"] = String(repeating: "x", count: index * 37)
            }
            files["large.bin"] = String(repeating: "0123456789abcdef", count: 1_100_000)
            try fixture.write(files)
            let prefix = server.prefix()
            let up = await syncToS3(options(server, prefix, fixture.storage()))
            #expect(up.error == nil)
            #expect(up.objectCount == files.count)
            // Each file once for the mirror view, and packs, into which this content shrinks to little.
            if kind == .ministack {
                #expect((up.totalBytes...up.totalBytes + up.totalBytes / 10).contains(up.transferredBytes))
            }
            let again = await syncToS3(options(server, prefix, fixture.storage()))
            #expect(again.error == nil)
            #expect(again.transferredObjects == 0)
            #expect(again.snapshot == up.snapshot)
            let down = await syncFromS3(options(server, prefix, fixture.storage("b")))
            #expect(down.error == nil)
            #expect(down.objectCount == files.count)
            #expect(down.totalBytes == up.totalBytes)
            #expect(try fixture.files("b") == files)
        }
    }

    @Test(
        "Without the right to list, a pull says so and names the right",
        // The servers that have users with other rights.
        arguments: [TestServerKind.ministack, .seaweedfs])
    func noListPermission(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        let identity = try #require(server.identities.noList)
        try await Fixture.with { fixture in
            var options = options(server, server.prefix(), fixture.storage())
            options.config.accessKeyID = identity.accessKey
            options.config.secretAccessKey = identity.secretKey
            let result = await syncFromS3(options)
            #expect(!result.success)
            #expect(result.error?.code == .denied)
            #expect(result.error?.hint?.contains("s3:ListBucket on arn:aws:s3:::\(server.bucket)") == true)
        }
    }

    @Test(
        "With a wrong secret nothing is transferred, and the message says what to check",
        arguments: TestServerKind.selected(where: \.rejectsWrongSecret))
    func wrongSecret(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        try await Fixture.with { fixture in
            try fixture.write(["f": "1"])
            var options = options(server, server.prefix(), fixture.storage())
            options.config.secretAccessKey = "wrong-secret-0123456789"
            let result = await syncToS3(options)
            #expect(!result.success)
            #expect([.unauthenticated, .denied].contains(result.error?.code))
            #expect(result.error?.message.contains("wrong-secret-0123456789") == false)
        }
    }

    @Test("The documented rights are enough for a memory, and give nothing of its neighbour")
    func leastPrivilege() async throws {
        let server = try await TestServer.shared(.ministack)
        let identity = try #require(server.identities.prefixOnly)
        try await Fixture.with { fixture in
            try fixture.write(MirrorTests.state)
            func options(_ prefix: String, _ machine: String) -> SyncOptions {
                var options = self.options(server, prefix, fixture.storage(machine))
                options.config.accessKeyID = identity.accessKey
                options.config.secretAccessKey = identity.secretKey
                return options
            }
            let ours = "prefix/\(server.prefix())"
            #expect(await syncToS3(options(ours, "a")).error == nil)
            #expect(await syncFromS3(options(ours, "b")).error == nil)
            #expect(try fixture.files("b") == MirrorTests.state)
            for result in [
                await syncToS3(options("neighbour", "a")), await syncFromS3(options("neighbour", "c")),
            ] {
                #expect(result.error?.code == .denied)
                #expect(result.error?.hint?.contains("s3:ListBucket") == true)
            }
        }
    }
}
