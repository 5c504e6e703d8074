import Foundation
import Logging
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Faults at real servers")
struct RealServerFaultTests {
    private func open<Result>(
        _ server: TestServer, _ credentials: Credentials? = nil, bucket: String? = nil,
        systemTime: @escaping @Sendable () -> Date = { Date() },
        encryption: S3Configuration.ServerSideEncryption = .bucketDefault,
        _ body: (S3Store) async throws -> Result
    ) async throws -> Result {
        let full = server.identities.full
        return try await S3Store.withStore(
            S3Configuration(
                bucket: bucket ?? server.bucket,
                endpoint: S3EndpointOptions(region: server.region, endpoint: server.url, allowInsecureEndpoint: true),
                encryption: encryption),
            credentials: FixedCredentials(
                credentials ?? Credentials(accessKeyID: full.accessKey, secretAccessKey: full.secretKey)),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, systemTime: systemTime, body)
    }

    @Test("A wrong secret is told, by every operation", arguments: TestServerKind.selected(where: \.rejectsWrongSecret))
    func wrongSecret(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        let wrong = Credentials(accessKeyID: server.identities.full.accessKey, secretAccessKey: "wrong")
        try await open(server, wrong) { store in
            #expect(await failure { _ = try await store.keys("p/") }?.kind == .unauthenticated)
            #expect(await failure { try await store.write("key", "x") }?.kind == .unauthenticated)
            #expect(await failure { _ = try await store.text("key") }?.kind == .unauthenticated)
            #expect(await failure { _ = try await store.exists("key") }?.kind == .unauthenticated)
        }
    }

    @Test("An unknown key is told", arguments: TestServerKind.selected(where: \.rejectsWrongSecret))
    func unknownKey(_ kind: TestServerKind) async throws {
        let unknown = Credentials(accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret")
        try await open(try await TestServer.shared(kind), unknown) { store in
            let error = await failure { _ = try await store.keys("p/") }
            #expect(error?.kind == .unauthenticated)
            #expect(error?.hint?.contains("AWS_ACCESS_KEY_ID") == true)
        }
    }

    @Test("A bucket that is not there is told, and is no empty memory", arguments: TestServerKind.selected)
    func noBucket(_ kind: TestServerKind) async throws {
        try await open(try await TestServer.shared(kind), bucket: "no-such-bucket-here") { store in
            #expect(await failure { _ = try await store.keys("p/") }?.kind == .noSuchBucket)
            #expect(await failure { _ = try await store.text("key") }?.kind == .noSuchBucket)
            #expect(await failure { _ = try await store.exists("key") }?.kind == .noSuchBucket)
        }
    }

    @Test("Who may not list is told exactly that", arguments: [TestServerKind.ministack, .seaweedfs])
    func noList(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        let identity = try #require(server.identities.noList)
        let credentials = Credentials(accessKeyID: identity.accessKey, secretAccessKey: identity.secretKey)
        try await open(server, credentials) { store in
            let prefix = server.prefix()
            try await store.write("\(prefix)/a", "x")
            #expect(try await store.text("\(prefix)/a") == "x")
            let error = await failure { _ = try await store.keys("\(prefix)/") }
            #expect(error?.kind == .denied)
            #expect(error?.hint?.contains("Allow s3:ListBucket on arn:aws:s3:::\(server.bucket)") == true)
        }
    }

    @Test("Who may only read is told what a write needs", arguments: [TestServerKind.ministack, .seaweedfs])
    func readOnly(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        let identity = try #require(server.identities.readOnly)
        let credentials = Credentials(accessKeyID: identity.accessKey, secretAccessKey: identity.secretKey)
        try await open(server, credentials) { store in
            let key = server.prefix() + "/a"
            let error = await failure { try await store.write(key, "x") }
            #expect(error?.kind == .denied)
            #expect(error?.hint?.contains("Allow s3:PutObject on arn:aws:s3:::\(server.bucket)/\(key)") == true)
            let large = ByteBuffer(repeating: 1, count: Int(S3Multipart.smallestPart) + 1)
            #expect(await failure { try await store.put(ObjectKey(key), .bytes(large), .overwrite) }?.kind == .denied)
        }
    }

    @Test(
        "A clock that is an hour off is corrected, whatever the server says of it, if anything",
        arguments: TestServerKind.selected, [3600.0, -3600])
    func clock(_ kind: TestServerKind, offset: Double) async throws {
        let server = try await TestServer.shared(kind)
        try await open(server, systemTime: { Date().addingTimeInterval(offset) }) { store in
            let key = server.prefix() + "/a"
            try await store.write(key, "x")
            #expect(try await store.text(key) == "x")
            #expect(try await store.exists(key + "/none") == false)
        }
    }

    @Test("Encryption that is asked for is accepted", arguments: TestServerKind.selected(where: \.encryptsOnRequest))
    func encryption(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        try await open(server, encryption: .aes256) { store in
            let key = server.prefix() + "/a"
            try await store.write(key, "secret content")
            #expect(try await store.text(key) == "secret content")
        }
    }

    @Test("A large sparse file is stored in parts, byte for byte", arguments: TestServerKind.selected.prefix(1))
    func sparse(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        try await withTemporaryDirectory { directory in
            let path = directory.path + "/sparse"
            let size: Int64 = 64 << 20 + 5
            #expect(FileManager.default.createFile(atPath: path, contents: Data("start".utf8)))
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.truncate(atOffset: UInt64(size))
            try file.seek(toOffset: 40 << 20)
            try file.write(contentsOf: Data("middle".utf8))
            try file.close()
            try await open(server) { store in
                let key = ObjectKey(server.prefix() + "/sparse")
                let written = try await store.put(key, .file(at: path), .overwrite)
                #expect(written.size == size)
                let info = try await store.head(key)
                #expect(info.size == size)
                let isSame = try await store.holds(.file(at: path), as: info)
                #expect(isSame)
                let start = Int64(40 << 20)
                #expect(try await store.text(key.text, range: start..<start + 6) == "middle")
            }
        }
    }
}
