import Basics
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("A bucket in another region")
struct RegionFaultTests {
    struct Hint: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: StubResponse
    }

    static let hints = [
        Hint(
            testDescription: "in a header",
            answer: .error(301, "PermanentRedirect", headers: [("x-amz-bucket-region", "eu-west-1")])),
        Hint(
            testDescription: "in the document",
            answer: .error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")),
        Hint(testDescription: "by HEAD bucket", answer: .error(301, "PermanentRedirect")),
    ]

    @Test("Its region is followed, and kept for later requests", arguments: hints)
    func followed(_ hint: Hint) async throws {
        try await StubbedStore.run({ request in
            if request.method == "HEAD" { return .status(301, headers: [("x-amz-bucket-region", "eu-west-1")]) }
            return request.signedRegion == "eu-west-1" ? .list(["p/a"]) : hint.answer
        }) { stub in
            let keys = try await stub.store.keys("p/")
            #expect(keys == ["p/a"])
            let sent = stub.server.requests.filter { $0.method == "GET" }
            #expect(sent.map(\.signedRegion) == ["us-east-1", "eu-west-1"])
            let again = try await stub.store.keys("p/")
            #expect(again == ["p/a"])
            #expect(stub.server.requests.last?.signedRegion == "eu-west-1")
            #expect(stub.waits.recorded.isEmpty)
            #expect(stub.logs.text.contains("eu-west-1"))
        }
    }

    @Test("A second redirect is told with the region")
    func twice() async throws {
        try await StubbedStore.run({ request in
            let next = request.signedRegion == "us-east-1" ? "eu-west-1" : "ap-south-1"
            return .error(301, "PermanentRedirect", headers: [("x-amz-bucket-region", next)])
        }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .wrongRegion)
            #expect(error?.hint == "Use --region ap-south-1.")
            #expect(stub.server.requests.count == 2)
        }
    }

    @Test("Requests that were under way when the region became known follow it too", .timeLimit(.minutes(1)))
    func concurrent() async throws {
        let gate = GroupGate(size: 8)
        try await StubbedStore.run({ request in
            if request.signedRegion == "eu-west-1" { return .list(["p/a"]) }
            await gate.pass()
            return .error(301, "PermanentRedirect", headers: [("x-amz-bucket-region", "eu-west-1")])
        }) { stub in
            let store = stub.store
            try await forEachConcurrently(0..<8, limit: 8) { _ in
                let keys = try await store.keys("p/")
                #expect(keys == ["p/a"])
            }
            #expect(stub.server.requests.count == 16)
            #expect(stub.logs.text.split(separator: "\n").count == 1)
        }
    }

    @Test("A redirect that names no region is not taken for S3's")
    func notS3() async throws {
        try await StubbedStore.run({ _ in .status(301, headers: [("Location", "https://elsewhere.example/")]) }) {
            stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .invalid)
            #expect(error?.hint?.contains("--endpoint-url") == true)
        }
    }

    @Test("A region that would be no host label is not followed", arguments: ["evil.example/", "a.b", "-x", "x y"])
    func hostile(_ region: String) async throws {
        try await StubbedStore.run({ _ in
            .error(301, "PermanentRedirect", headers: [("x-amz-bucket-region", region)])
        }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .wrongRegion)
            #expect(error?.hint?.contains(region) == false)
            #expect(stub.server.requests.count == 1)
        }
    }
}
