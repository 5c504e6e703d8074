import Foundation
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Stores that cannot be reached")
struct TransportFaultTests {
    @Test("A certificate that nobody vouches for is told, and not tried again")
    func untrusted() async throws {
        try await StubbedStore.run({ .wellBehaved($0) }, certificate: try SelfSignedCertificate()) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .unreachable)
            #expect(error?.reason.contains("TLS failed: the certificate is not signed by an authority") == true)
            #expect(error?.hint?.contains("AWS_CA_BUNDLE") == true)
            // No retry was made for that reason.
            #expect(!stub.logs.text.contains("TLS failed"))
            #expect(stub.server.requests.isEmpty)
        }
    }

    @Test("A certificate of one's own authority is trusted, and faults behind it are tried again")
    func trusted() async throws {
        let certificate = try SelfSignedCertificate()
        try await withTemporaryDirectory { directory in
            let path = directory.path + "/ca.pem"
            try certificate.pem.write(toFile: path, atomically: true, encoding: .utf8)
            let faults: [StubResponse] = [
                .closeWithoutAnswer, .reset, .truncatedBody(declaredLength: 100, bytes: [1], ending: .reset),
            ]
            try await StubbedStore.run(
                { $0.index < faults.count ? faults[$0.index] : .list(["p/a"]) }, certificate: certificate,
                configure: { $0.trustRoots = path }
            ) { stub in
                let keys = try await stub.store.keys("p/")
                #expect(keys == ["p/a"])
                #expect(stub.server.requests.count == 4)
            }
        }
    }

    @Test("A file without certificates is told before anything is sent", arguments: [nil, "", "no certificate"])
    func unusableAuthorities(_ text: String?) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path + "/ca.pem"
            try text?.write(toFile: path, atomically: true, encoding: .utf8)
            let error = await failure {
                try await StubbedStore.run({ .wellBehaved($0) }, configure: { $0.trustRoots = path }) { _ in }
            }
            #expect(error?.kind == .invalid)
            #expect(error?.reason.contains(path) == true)
            #expect(error?.hint?.contains("AWS_CA_BUNDLE") == true)
        }
    }

    @Test("An endpoint that does not speak TLS is told")
    func noTLS() async throws {
        try await StubbedStore.run(
            { .wellBehaved($0) },
            configure: { $0.endpoint.endpoint = $0.endpoint.endpoint?.replacing("http://", with: "https://") }
        ) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .unreachable)
            #expect(error?.reason.contains("TLS") == true)
        }
    }

    @Test("A port where nobody listens is unreachable, and says which")
    func refused() async throws {
        let port = try ClosedPort()
        let url = "http://127.0.0.1:\(port.number)"
        try await StubbedStore.run({ .wellBehaved($0) }, configure: { $0.endpoint.endpoint = url }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .unreachable)
            #expect(error?.attempts == 6)
            #expect(error?.description.contains(url) == true)
        }
    }

    @Test("An address of IPv6 form can be an endpoint")
    func addressInBrackets() async throws {
        try await StubbedStore.run(
            { .wellBehaved($0) },
            configure: {
                $0.endpoint.endpoint = $0.endpoint.endpoint?.replacing("127.0.0.1", with: "[::ffff:127.0.0.1]")
            }
        ) { stub in
            let text = try await stub.store.text("key")
            #expect(text == "content")
            #expect(stub.server.requests.first?.header("host") == "[::ffff:127.0.0.1]:\(stub.server.port)")
        }
    }

    @Test("A setting that no header can hold is refused")
    func headerInjection() async throws {
        try await StubbedStore.run(
            { .wellBehaved($0) }, configure: { $0.encryption = .kms(keyID: "key\r\nx-amz-acl: public-read") }
        ) { stub in
            let error = await failure { try await stub.store.write("key", "x") }
            #expect(error?.kind == .invalid)
            #expect(error?.attempts == 1, "\(stub.logs.text)")
            #expect(stub.server.requests.isEmpty)
        }
    }

    @Test(
        "An endpoint that is unsafe is refused before anything is sent",
        arguments: [
            "https://user:hunter2@s3.example.com", "http://169.254.169.254", "https://[::1]:9000",
            "http://s3.example.com",
        ])
    func unsafe(_ endpoint: String) async throws {
        let error = await failure {
            try await StubbedStore.run(
                { .wellBehaved($0) },
                configure: {
                    $0.endpoint.endpoint = endpoint
                    $0.endpoint.allowInsecureEndpoint = false
                }
            ) { _ in }
        }
        #expect(error?.kind == .invalid)
        #expect(error.map { "\($0) \($0.hint ?? "")".contains("hunter2") } == false)
    }
}
