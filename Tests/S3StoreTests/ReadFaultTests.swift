import Crypto
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Reads that break off")
struct ReadFaultTests {
    static let content = String((0..<4000).map { Character(UnicodeScalar(UInt8(0x41 + $0 % 23))) })

    /// The part of ``content`` that a request asks for, as an honest server sends it.
    static func part(_ request: StubRequest, etag: String = "\"v1\"", cutTo limit: Int? = nil) -> StubResponse {
        let bytes = Array(content.utf8)
        var start = 0
        var headers: [(name: String, value: String)] = [("ETag", etag)]
        if let range = request.header("range")?.dropFirst("bytes=".count).split(separator: "-").compactMap({ Int($0) }),
            range.count == 2
        {
            start = range[0]
            headers.append(("Content-Range", "bytes \(start)-\(min(range[1], bytes.count - 1))/\(bytes.count)"))
        }
        let status = start > 0 ? 206 : 200
        let rest = bytes[start...]
        guard let limit, limit < rest.count else {
            return StubResponse(status: status, headers: headers, body: ByteBuffer(bytes: rest))
        }
        return .truncatedBody(
            declaredLength: rest.count, bytes: rest.prefix(limit), status: status, headers: headers)
    }

    @Test("The rest is asked for, of the same version, and the content is whole", arguments: [0, 1, 1000, 3999])
    func resumed(_ first: Int) async throws {
        try await StubbedStore.run({ Self.part($0, cutTo: $0.index == 0 ? first : $0.index == 1 ? 1 : nil) }) { stub in
            #expect(try await stub.store.text("key") == Self.content)
            let second = try #require(stub.server.requests.dropFirst().first)
            #expect(second.header("range") == "bytes=\(first)-3999")
            #expect(second.header("if-match") == "\"v1\"")
        }
    }

    @Test("A broken read of a range goes on within the range")
    func resumedRange() async throws {
        try await StubbedStore.run({ request in
            let answer: StubResponse =
                request.index == 0
                ? .truncatedBody(
                    declaredLength: 100, bytes: Array(Self.content.utf8)[50..<80], status: 206,
                    headers: [("ETag", "\"v1\""), ("Content-Range", "bytes 50-149/4000")])
                : StubResponse(
                    status: 206, headers: [("ETag", "\"v1\""), ("Content-Range", "bytes 80-149/4000")],
                    body: ByteBuffer(bytes: Array(Self.content.utf8)[80..<150]))
            return answer
        }) { stub in
            let text = try await stub.store.text("key", range: 50..<150)
            #expect(text == String(Self.content.dropFirst(50).prefix(100)))
            #expect(stub.server.requests.last?.header("range") == "bytes=80-149")
        }
    }

    @Test("An object that was replaced meanwhile is an error, and no mixture", arguments: [true, false])
    func replaced(_ serverKnowsTheCondition: Bool) async throws {
        try await StubbedStore.run({ request in
            if request.index == 0 { return Self.part(request, cutTo: 1000) }
            return serverKnowsTheCondition
                ? .error(412, "PreconditionFailed") : Self.part(request, etag: "\"v2\"")
        }) { stub in
            #expect(await failure { _ = try await stub.store.text("key") }?.kind == .preconditionFailed)
            #expect(stub.server.requests.count == 2)
        }
    }

    @Test("A version that a server sends in spite of the condition is refused")
    func ignoredCondition() async throws {
        try await StubbedStore.run({ Self.part($0, etag: "\"v2\"") }) { stub in
            let error = await failure {
                _ = try await stub.store.get(ObjectKey("key"), range: nil, ifMatch: ETag("\"v1\""))
            }
            #expect(error?.kind == .preconditionFailed)
        }
    }

    @Test("A read that never gets to its end stops", arguments: [0, 10])
    func endless(_ progress: Int) async throws {
        try await StubbedStore.run({ Self.part($0, cutTo: progress) }, configure: { $0.attempts = 4 }) { stub in
            let error = await failure { _ = try await stub.store.text("key") }
            #expect(error?.kind == .unreachable)
            #expect(error?.attempts == 4)
            #expect(stub.server.requests.count == 4)
        }
    }

    @Test("Without a version to hold on to nothing is resumed")
    func noTag() async throws {
        let cut = StubResponse.truncatedBody(declaredLength: 100, bytes: [1, 2, 3])
        try await StubbedStore.run({ _ in cut }) { stub in
            let error = await failure { _ = try await stub.store.text("key") }
            #expect(error?.kind == .unreachable)
            #expect(error?.reason.contains("only 3 of 100 bytes came") == true)
            #expect(stub.server.requests.count == 1)
        }
    }

    struct Checksum: Sendable, CustomTestStringConvertible {
        let name: String
        let value: String
        var testDescription: String { name }
    }

    static let checksums = [
        Checksum(name: "sha256", value: "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        Checksum(name: "sha1", value: "98O8HYCOBHMq32eZZczDTKeuNEE="),
        Checksum(name: "crc32", value: "y/Q5Jg=="), Checksum(name: "crc32c", value: "4waSgw=="),
        Checksum(name: "crc64nvme", value: "rosUhgp5mIg="),
    ]

    @Test(
        "Content that has its checksum is accepted, other content is not", arguments: checksums,
        ["123456789", "123456788"])
    func checksum(_ checksum: Checksum, content: String) async throws {
        let answer = StubResponse.object(content, headers: [("x-amz-checksum-\(checksum.name)", checksum.value)])
        try await StubbedStore.run({ _ in answer }, configure: { $0.checksum = .sha256 }) { stub in
            let error = await failure { _ = try await stub.store.text("key") }
            #expect(error?.kind == (content == "123456789" ? nil : .corrupt))
        }
    }

    @Test("A checksum holds over a resumed read")
    func resumedChecksum() async throws {
        let digest = base64(Array(SHA256.hash(data: Array(Self.content.utf8))))
        try await StubbedStore.run(
            { request in
                var answer = Self.part(request, cutTo: request.index == 0 ? 1234 : nil)
                answer.head?.headers.append(("x-amz-checksum-sha256", digest))
                return answer
            }, configure: { $0.checksum = .sha256 }
        ) { stub in
            let text = try await stub.store.text("key")
            #expect(text == Self.content)
        }
    }

    @Test(
        "A checksum of checksums is not compared with the content",
        arguments: [
            [("x-amz-checksum-type", "COMPOSITE"), ("x-amz-checksum-crc32", "AAAAAA==")],
            [("x-amz-checksum-crc32", "AAAAAA==-3")],
        ])
    func composite(_ headers: [(String, String)]) async throws {
        let answer = StubResponse.object("123456789", headers: headers.map { (name: $0.0, value: $0.1) })
        try await StubbedStore.run({ _ in answer }, configure: { $0.checksum = .sha256 }) { stub in
            let text = try await stub.store.text("key")
            #expect(text == "123456789")
        }
    }

    @Test(
        "Other bytes than were asked for are an error",
        arguments: [
            nil, "bytes 0-99/4000", "bytes 10-98/4000", "bytes 10-110/4000", "bytes */4000",
            "bytes 10-9223372036854775807/*",
        ])
    func otherRange(_ range: String?) async throws {
        let headers = [("ETag", "\"v1\"")] + (range.map { [("Content-Range", $0)] } ?? [])
        let answer = StubResponse(
            status: 206, headers: headers.map { (name: $0.0, value: $0.1) }, body: ByteBuffer(repeating: 1, count: 100))
        try await StubbedStore.run({ _ in answer }, configure: { $0.attempts = 2 }) { stub in
            let error = await failure { _ = try await stub.store.text("key", range: 10..<110) }
            #expect(error?.kind == .corrupt)
        }
    }
}
