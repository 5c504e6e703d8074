import Basics
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Writes and deletes that meet a fault")
struct WriteFaultTests {
    static func md5(_ text: String) -> String { Hexadecimal.text(MD5Digest.of(ByteBuffer(string: text))) }

    @Test(
        "A create whose answer was lost succeeds if its content is there", arguments: ["mine", "else", "other length"])
    func lostAnswer(_ there: String) async throws {
        try await StubbedStore.run({ request in
            if request.method == "HEAD" {
                let headers = [("ETag", "\"\(Self.md5(there))\""), ("Content-Length", "\(there.utf8.count)")]
                return .status(200, headers: headers.map { (name: $0.0, value: $0.1) })
            }
            return request.index == 0 ? .closeWithoutAnswer : .error(412, "PreconditionFailed")
        }) { stub in
            let error = await failure { try await stub.store.write("key", "mine", .createOnly) }
            #expect(error?.kind == (there == "mine" ? nil : .alreadyExists))
            #expect(stub.server.requests.prefix(2).allSatisfy { $0.header("if-none-match") == "*" })
        }
    }

    @Test("A create that may not look at what is there says so, not that it failed or succeeded")
    func lostAnswerDenied() async throws {
        try await StubbedStore.run({ request in
            if request.method != "PUT" { return .error(403, "AccessDenied") }
            return request.index == 0 ? .closeWithoutAnswer : .error(412, "PreconditionFailed")
        }) { stub in
            #expect(await failure { try await stub.store.write("key", "mine", .createOnly) }?.kind == .denied)
        }
    }

    @Test(
        "A create that is refused at once was somebody else's",
        arguments: [
            (412, "PreconditionFailed", StoreError.Kind.alreadyExists), (409, "ConditionalRequestConflict", .conflict),
        ])
    func refused(_ status: Int, _ code: String, _ kind: StoreError.Kind) async throws {
        try await StubbedStore.run({ _ in .error(status, code) }) { stub in
            #expect(await failure { try await stub.store.write("key", "mine", .createOnly) }?.kind == kind)
            #expect(stub.server.requests.count == 1)
        }
    }

    @Test("A store that refuses before it has read the body is heard", .timeLimit(.minutes(1)))
    func earlyAnswer() async throws {
        let refusal = StubResponse.error(403, "AccessDenied")
        try await StubbedStore.run({ .wellBehaved($0) }, early: { $0.method == "PUT" ? refusal : nil }) { stub in
            let content = ByteBuffer(repeating: 1, count: Int(S3Multipart.smallestPart))
            let error = await failure { try await stub.store.put(ObjectKey("key"), .bytes(content), .overwrite) }
            #expect(error?.kind == .denied)
        }
    }

    @Test("A success that is a web page is no success")
    func webPage() async throws {
        try await StubbedStore.run({ _ in .text("<html>Please log in</html>") }, configure: { $0.attempts = 2 }) {
            stub in
            #expect(await failure { try await stub.store.write("key", "x") }?.kind == .corrupt)
        }
    }

    @Test("Keys that DeleteObjects could not delete are told, with the reason")
    func quietErrors() async throws {
        let answer = """
            <DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error>\
            <Error><Key>c</Key><Code>InternalError</Code><Message>oops</Message></Error>\
            <Error><Key>d</Key><Code>NoSuchKey</Code></Error></DeleteResult>
            """
        try await StubbedStore.run({ _ in .text(answer) }) { stub in
            let failures = try await stub.store.delete(["a", "b", "c", "d"].map { ObjectKey($0) })
            #expect(failures.map(\.key.text) == ["b", "c"])
            #expect(failures.map(\.error.kind) == [.denied, .server])
            #expect(failures.first?.error.hint?.contains("s3:DeleteObject") == true)
        }
    }

    @Test("A store without DeleteObjects gets single deletes", arguments: [true, false])
    func singleDeletes(_ hasCode: Bool) async throws {
        try await StubbedStore.run({ request in
            switch (request.method, request.path) {
            case ("POST", _): hasCode ? .error(501, "NotImplemented") : .status(501)
            case (_, "/bucket/k7"): .error(403, "AccessDenied")
            case (_, "/bucket/k8"): .error(404, "NoSuchKey")
            default: .status(204)
            }
        }) { stub in
            let failures = try await stub.store.delete((0..<40).map { ObjectKey("k\($0)") })
            #expect(failures.map(\.key.text) == ["k7"])
            #expect(failures.first?.error.kind == .denied)
            #expect(stub.server.requests.count { $0.method == "DELETE" } == 40)
        }
    }

    @Test("An answer to DeleteObjects that was cut is not taken for success")
    func cutDelete() async throws {
        try await StubbedStore.run({ _ in .text("<DeleteResult><Err") }, configure: { $0.attempts = 2 }) { stub in
            #expect(await failure { _ = try await stub.store.delete([ObjectKey("a")]) }?.kind == .corrupt)
        }
    }
}
