import Basics
import NIOConcurrencyHelpers
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Credentials in use")
struct CredentialFaultTests {
    /// Hands out numbered credentials; the next number once the present ones were rejected.
    final class Source: CredentialSource {
        private let number = NIOLockedValueBox(1)
        let invalidations = NIOLockedValueBox(0)
        func current() async throws -> Credentials { Self.credentials(number.withLockedValue { $0 }) }
        func invalidate(_ rejected: Credentials) async {
            invalidations.withLockedValue { $0 += 1 }
            number.withLockedValue { if Self.credentials($0) == rejected { $0 += 1 } }
        }
        static func credentials(_ number: Int) -> Credentials {
            Credentials(accessKeyID: "AKID\(number)", secretAccessKey: "secret")
        }
    }

    @Test(
        "Expired credentials are fetched again, once",
        arguments: ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"])
    func expired(_ code: String) async throws {
        let source = Source()
        try await StubbedStore.run(
            { $0.header("authorization")?.contains("AKID1/") == true ? .error(400, code) : .list(["p/a"]) },
            credentials: source
        ) { stub in
            let keys = try await stub.store.keys("p/")
            #expect(keys == ["p/a"])
            #expect(stub.server.requests.count == 2)
            #expect(stub.waits.recorded.isEmpty)
        }
    }

    @Test("Credentials that stay expired are told")
    func staysExpired() async throws {
        let source = Source()
        try await StubbedStore.run({ _ in .error(400, "ExpiredToken") }, credentials: source) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .unauthenticated)
            #expect(error?.hint?.contains("expired") == true)
            #expect(source.invalidations.withLockedValue { $0 } == 1)
            #expect(stub.server.requests.count == 2)
        }
    }

    @Test("Many requests that find the same credentials expired renew them once", .timeLimit(.minutes(1)))
    func together() async throws {
        let (source, gate) = (Source(), GroupGate(size: 8))
        try await StubbedStore.run(
            { request in
                guard request.header("authorization")?.contains("AKID1/") == true else {
                    return request.header("authorization")?.contains("AKID2/") == true
                        ? .list(["p/a"]) : .error(400, "ExpiredToken")
                }
                await gate.pass()
                return .error(400, "ExpiredToken")
            }, credentials: source
        ) { stub in
            let store = stub.store
            try await forEachConcurrently(0..<8, limit: 8) { _ in
                let keys = try await store.keys("p/")
                #expect(keys == ["p/a"])
            }
        }
    }

    struct Broken: CredentialSource {
        let error: any Error
        func current() async throws -> Credentials { throw error }
        func invalidate(_ rejected: Credentials) async {}
    }

    struct Surprise: Error {}

    @Test(
        "Without credentials nothing is sent and nothing is tried again",
        arguments: [
            CredentialError.notFound(looked: [.init(name: "environment", reason: "AWS_ACCESS_KEY_ID is not set")]),
            Surprise() as any Error,
        ])
    func none(_ cause: any Error) async throws {
        try await StubbedStore.run({ .wellBehaved($0) }, credentials: Broken(error: cause)) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .noCredentials)
            if cause is CredentialError {
                #expect(error?.reason.contains("environment") == true)
                // Why is in the log, for those who ask for it.
                #expect(stub.logs.text.contains("AWS_ACCESS_KEY_ID is not set"))
            }
            #expect(stub.server.requests.isEmpty)
            #expect(stub.waits.recorded.isEmpty)
        }
    }

    @Test("No error and no log line holds a secret, a token or a signature")
    func secrets() async throws {
        let echo: StubServer.Handler = { request in
            // As S3 answers SignatureDoesNotMatch: with much of what was sent.
            let authorization = request.header("authorization") ?? ""
            return .error(
                request.index % 2 == 0 ? 500 : 403, "SignatureDoesNotMatch",
                """
                <StringToSign>AWS4-HMAC-SHA256 \(authorization)</StringToSign>\
                <CanonicalRequest>x-amz-security-token:\(request.header("x-amz-security-token") ?? "")</CanonicalRequest>\
                <Token-0>\(request.header("x-amz-security-token") ?? "")</Token-0>
                """)
        }
        try await StubbedStore.run(echo) { stub in
            var text = ""
            for _ in 0..<4 {
                let error = try #require(await failure { _ = try await stub.store.keys("p/") })
                text += "\(error) \(error.hint ?? "") \(String(reflecting: error))\n"
            }
            text += stub.logs.text
            #expect(stub.logs.text.contains("Retrying a request"))
            let signatures = stub.server.requests.compactMap { $0.header("authorization")?.split(separator: "=").last }
            #expect(!signatures.isEmpty)
            for secret in ["very+secret/key", "very-secret-token"] + signatures.map(String.init) {
                #expect(!text.contains(secret))
            }
        }
    }
}
