import Basics
import Foundation
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("What the S3 client makes of an error")
struct ErrorKindFaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let status: Int
        let code: String?
        let kind: StoreError.Kind
        var hint: String?
        var testDescription: String { "\(status) \(code ?? "without a code")" }
        var answer: StubResponse { code.map { .error(status, $0) } ?? .status(status) }
    }

    static let cases = [
        Case(status: 404, code: "NoSuchBucket", kind: .noSuchBucket, hint: "Create the bucket"),
        Case(status: 404, code: "NoSuchKey", kind: .notFound),
        Case(status: 403, code: "AccessDenied", kind: .denied, hint: "Allow s3:ListBucket on arn:aws:s3:::bucket"),
        Case(status: 403, code: nil, kind: .denied, hint: "for the prefix 'p/'"),
        Case(status: 403, code: "InvalidAccessKeyId", kind: .unauthenticated, hint: "AWS_ACCESS_KEY_ID"),
        Case(status: 403, code: "SignatureDoesNotMatch", kind: .unauthenticated, hint: "AWS_SECRET_ACCESS_KEY"),
        Case(status: 400, code: "InvalidToken", kind: .unauthenticated, hint: "session token"),
        Case(status: 401, code: nil, kind: .unauthenticated),
        Case(status: 403, code: "RequestTimeTooSkewed", kind: .clockSkew, hint: "clock"),
        Case(status: 409, code: "ConditionalRequestConflict", kind: .conflict),
        Case(status: 412, code: "PreconditionFailed", kind: .preconditionFailed),
        Case(status: 400, code: "EntityTooLarge", kind: .tooLarge),
        Case(status: 413, code: nil, kind: .tooLarge),
        Case(status: 400, code: "BadDigest", kind: .corrupt),
        Case(status: 501, code: "NotImplemented", kind: .unsupported),
        Case(status: 503, code: "SlowDown", kind: .throttled, hint: "--concurrency"),
        Case(status: 429, code: nil, kind: .throttled),
        Case(status: 400, code: "RequestTimeout", kind: .unreachable),
        Case(status: 500, code: "InternalError", kind: .server, hint: "request id"),
        Case(status: 507, code: nil, kind: .server),
        Case(status: 200, code: "InternalError", kind: .server),
        Case(status: 200, code: "SlowDown", kind: .throttled),
        Case(status: 403, code: "InvalidObjectState", kind: .refused, hint: "archived"),
        Case(status: 400, code: "KMS.DisabledException", kind: .refused, hint: "key"),
        Case(status: 402, code: "PaymentRequired", kind: .refused),
        Case(status: 423, code: nil, kind: .refused), Case(status: 451, code: nil, kind: .refused),
        Case(status: 400, code: "AuthorizationHeaderMalformed", kind: .unauthenticated),
        Case(status: 400, code: "InvalidArgument", kind: .invalid),
    ]

    @Test("Its kind and its hint say what to do", arguments: cases)
    func kinds(_ item: Case) async throws {
        try await StubbedStore.run({ _ in item.answer }, configure: { $0.attempts = 2 }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == item.kind)
            #expect(error?.status == item.status)
            #expect(error?.code == item.code)
            if let hint = item.hint { #expect(error?.hint?.contains(hint) == true, "\(error?.hint ?? "no hint")") }
        }
    }

    /// What a GET says after a HEAD without a body.
    static let heads: [(Int, StubResponse, StoreError.Kind)] = [
        (404, .error(404, "NoSuchKey"), .notFound), (404, .error(404, "NoSuchBucket"), .noSuchBucket),
        (403, .error(403, "AccessDenied"), .denied), (403, .error(403, "SignatureDoesNotMatch"), .unauthenticated),
        (403, .error(403, "InvalidAccessKeyId"), .unauthenticated),
        (400, .error(400, "InvalidToken"), .unauthenticated),
    ]

    @Test("A HEAD that is refused is explained by a GET", arguments: heads.indices)
    func head(_ index: Int) async throws {
        let (status, answer, kind) = Self.heads[index]
        try await StubbedStore.run({ $0.method == "HEAD" ? .status(status) : answer }) { stub in
            let error = await failure { _ = try await stub.store.head(ObjectKey("key")) }
            #expect(error?.kind == kind)
            #expect(error?.operation == "look at")
            let found = await failure { _ = try await stub.store.exists("key") }
            #expect(found?.kind == (kind == .notFound ? nil : kind))
        }
    }

    @Test("A refused HEAD on an object without bytes is tried once more", arguments: [403, 404])
    func emptyObject(_ status: Int) async throws {
        try await StubbedStore.run({ request in
            if request.method == "GET" { return .error(416, "InvalidRange") }
            return request.index == 0
                ? .status(status) : .status(200, headers: [("Content-Length", "0"), ("ETag", "\"e\"")])
        }) { stub in
            let size = try await stub.store.head(ObjectKey("key")).size
            #expect(size == 0)
        }
    }

    @Test("A refusal names the account that must own the bucket")
    func owner() async throws {
        try await StubbedStore.run(
            { _ in .error(403, "AccessDenied") }, configure: { $0.expectedBucketOwner = "123456789012" }
        ) { stub in
            let error = await failure { try await stub.store.write("key", "x") }
            #expect(error?.hint?.contains("Allow s3:PutObject on arn:aws:s3:::bucket/key.") == true)
            #expect(error?.hint?.contains("123456789012") == true)
        }
    }

    @Test(
        "An account that cannot be one is refused before anything is sent",
        arguments: ["", "12345678901", "12345678901a"])
    func badOwner(_ owner: String) async throws {
        let error = await failure {
            try await StubbedStore.run({ .wellBehaved($0) }, configure: { $0.expectedBucketOwner = owner }) { _ in }
        }
        #expect(error?.kind == .invalid)
    }

    @Test("What a server writes into an error cannot steer a terminal")
    func terminal() async throws {
        let hostile = StubResponse.text(
            "<Error><Code>E&#x9b;31m</Code><Message>a\u{9B}2Jb&#13;c&#10;d</Message></Error>", status: 400,
            headers: [("x-amz-request-id", "id")])
        try await StubbedStore.run({ _ in hostile }) { stub in
            let error = try #require(await failure { _ = try await stub.store.keys("p/") })
            let text = "\(error) \(error.hint ?? "") \(error.code ?? "")"
            #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        }
    }

    @Test("A clock that is wrong is corrected once, and then told", arguments: [3600.0, -3600])
    func clock(_ offset: Double) async throws {
        try await StubbedStore.run(
            { _ in .error(403, "RequestTimeTooSkewed", headers: [("Date", "Tue, 24 Nov 2026 12:00:00 GMT")]) },
            systemTime: { Timestamp.http("Tue, 24 Nov 2026 12:00:00 GMT")!.addingTimeInterval(offset) }
        ) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .clockSkew)
            #expect(stub.server.requests.count == 2)
            #expect(stub.server.requests.last?.header("x-amz-date") == "20261124T120000Z")
        }
    }

    @Test(
        "Requests that were under way when the clock was corrected follow it too, and it is said once",
        .timeLimit(.minutes(1)))
    func clockOfMany() async throws {
        let gate = GroupGate(size: 8)
        try await StubbedStore.run(
            { request in
                if request.header("x-amz-date") == "20261124T120000Z" { return .list() }
                await gate.pass()
                return .error(403, "RequestTimeTooSkewed", headers: [("Date", "Tue, 24 Nov 2026 12:00:00 GMT")])
            }, systemTime: { Timestamp.http("Tue, 24 Nov 2026 13:00:00 GMT")! }
        ) { stub in
            let store = stub.store
            try await forEachConcurrently(0..<8, limit: 8) { _ in _ = try await store.keys("p/") }
            #expect(stub.server.requests.count == 16)
            #expect(stub.logs.text.split(separator: "\n").count == 1)
        }
    }
}
