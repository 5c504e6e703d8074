import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Listings that are not what they seem")
struct ListFaultTests {
    struct Cut: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: StubResponse
    }

    static let whole = listDocument(["p/a", "p/b"])
    static let cuts = [
        Cut(
            testDescription: "shorter than its length",
            answer: .truncatedBody(declaredLength: whole.utf8.count, bytes: whole.utf8.prefix(120))),
        Cut(
            testDescription: "whole, but shorter than its length",
            answer: .truncatedBody(declaredLength: whole.utf8.count + 1, bytes: whole.utf8)),
        Cut(
            testDescription: "reset",
            answer: .truncatedBody(
                declaredLength: whole.utf8.count, bytes: whole.utf8.prefix(120), ending: .reset)),
        Cut(
            testDescription: "chunked, without the last chunk",
            answer: .raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n\(whole.prefix(100))\r\n".utf8)),
        Cut(
            testDescription: "chunked, cut within a chunk",
            answer: .raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n\(whole)".utf8)),
        Cut(testDescription: "a prefix of the right length", answer: .text(String(whole.prefix(100)))),
        Cut(
            testDescription: "a prefix of whole elements",
            answer: .text(String(whole[..<whole.firstRange(of: "<IsTruncated>")!.lowerBound]))),
        Cut(
            testDescription: "until the end of the connection, which came early",
            answer: .raw("HTTP/1.1 200 OK\r\n\r\n\(whole.prefix(100))".utf8)),
        Cut(testDescription: "empty", answer: .text("")),
        Cut(testDescription: "a web page", answer: .text("<html><body>Please log in</body></html>")),
        Cut(testDescription: "another document", answer: .text("<ListAllMyBucketsResult></ListAllMyBucketsResult>")),
    ]

    @Test("An answer that was cut is an error, never an empty list", arguments: cuts)
    func cut(_ cut: Cut) async throws {
        try await StubbedStore.run({ _ in cut.answer }, configure: { $0.attempts = 3 }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.kind == .corrupt || error?.kind == .unreachable)
            #expect(stub.server.requests.count == 3)
        }
    }

    @Test("A page that is cut once is asked for again", arguments: cuts)
    func again(_ cut: Cut) async throws {
        try await StubbedStore.run({ $0.index == 0 ? cut.answer : .list(["p/a", "p/b"]) }) { stub in
            let keys = try await stub.store.keys("p/")
            #expect(keys == ["p/a", "p/b"])
        }
    }

    @Test("A token that comes back is an error, not an endless list")
    func repeatedToken() async throws {
        try await StubbedStore.run({ _ in .list(["p/a"], truncated: true, token: "same") }) { stub in
            #expect(await failure { _ = try await stub.store.keys("p/") }?.kind == .server)
            #expect(stub.server.requests.count == 2)
        }
    }

    @Test("A key outside of the prefix is an error", arguments: ["q/a", "P/a", "p", ""])
    func outside(_ key: String) async throws {
        try await StubbedStore.run({ _ in .list(["p/a", key]) }) { stub in
            #expect(await failure { _ = try await stub.store.keys("p/") }?.kind == .server)
        }
    }

    @Test("Without a token the list goes on after the last key")
    func startAfter() async throws {
        try await StubbedStore.run({ request in
            request.query.contains("start-after=p%2Fb") ? .list(["p/c"]) : .list(["p/a", "p/b"], truncated: true)
        }) { stub in
            let keys = try await stub.store.keys("p/")
            #expect(keys == ["p/a", "p/b", "p/c"])
        }
    }

    @Test("A list that goes on, but says nothing of where, is an error")
    func nowhere() async throws {
        try await StubbedStore.run({ _ in .list([], truncated: true) }) { stub in
            #expect(await failure { _ = try await stub.store.keys("p/") }?.kind == .server)
        }
    }

    @Test("The second page fails, and so does the list")
    func secondPage() async throws {
        try await StubbedStore.run({ request in
            request.query.contains("continuation-token")
                ? .error(403, "AccessDenied") : .list(["p/a"], truncated: true, token: "t")
        }) { stub in
            #expect(await failure { _ = try await stub.store.keys("p/") }?.kind == .denied)
        }
    }
}
