import FileIO
import NIOCore
import TestSupport
import Testing

@testable import ActionsCache

@Suite struct FuzzTests {
    @Test("the tar reader refuses damaged archives in words, however they arrive")
    func tar() throws {
        var random = SeededGenerator.forTest()
        var tar = TarBuilder()
        tar.addPax([("path", "long/name"), ("mtime", "1700000000.123456789"), ("size", "700")])
        tar.add("short", content: Array(repeating: 1, count: 700))
        tar.add("directory/", type: "5")
        tar.add("././@LongLink", type: "L", content: Array("a/long/one\0".utf8), magic: "ustar  \u{0}")
        tar.add("cut", content: Array(repeating: 2, count: 513))
        tar.add("link", type: "2", link: "target")
        let honest = tar.finished
        let whole = try read(honest, pieces: honest.count)
        #expect(whole.members.map(\.name) == ["long/name", "directory/", "a/long/one", "link"].map { Array($0.utf8) })
        #expect(whole.members[0].modified == 1_700_000_000_123_456_789)
        #expect(whole.content == 1213)
        var refused = 0
        for _ in 0..<3000 {
            var bytes = honest
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            }
            // Cut into pieces of any size, the result is the same.
            let results = [bytes.count, Int.random(in: 1...700, using: &random)].map { size in
                Result { try read(bytes, pieces: max(1, size)) }
            }
            switch (results[0], results[1]) {
            case (.success(let a), .success(let b)): #expect(a == b)
            case (.failure(let a), .failure(let b)):
                refused += 1
                #expect("\(a)" == "\(b)")
                #expect(a is ArchiveProblem)
            default: Issue.record("the pieces decide: \(results)")
            }
        }
        #expect(refused > 1000)
    }

    private struct Reading: Equatable {
        var members: [TarMember] = []
        var content = 0
    }

    private func read(_ bytes: [UInt8], pieces: Int) throws -> Reading {
        var (reader, reading) = (TarReader(), Reading())
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = ByteBuffer(bytes: bytes[start..<min(start + pieces, bytes.count)])
            for event in try reader.consume(piece) {
                switch event {
                case .member(let member): reading.members.append(member)
                case .content(let content): reading.content += content.readableBytes
                }
            }
        }
        try reader.finish()
        return reading
    }

    @Test("answers that are no JSON object are told from those that are")
    func json() {
        var random = SeededGenerator.forTest()
        let honest = Array(#"{"ok":true,"size":"12","n":5,"x":[1,{"y":null}],"message":"w\u00f6rds"}"#.utf8)
        let fields = JSONFields(ByteBuffer(bytes: [0xEF, 0xBB, 0xBF] + honest))
        #expect(fields?.flag("ok") == true)
        #expect(fields?.number("size") == 12)
        #expect(fields?.number("n") == 5)
        #expect(fields?.text("missing", "message") == "wörds")
        #expect(fields?.text("x") == "")
        for text in ["", "[]", "null", "\"text\"", "{", "<html>", "{\"a\":}", String(repeating: "[", count: 100_000)] {
            #expect(JSONFields(ByteBuffer(string: text)) == nil, "\(text.prefix(20))")
        }
        for _ in 0..<3000 {
            var bytes = honest
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            // Only that it comes back, and what it says is whole.
            guard let fields = JSONFields(ByteBuffer(bytes: bytes)) else { continue }
            #expect(fields.text("message").utf8.count <= bytes.count)
        }
    }

    @Test("random answers of a service never make a hit")
    func answers() async throws {
        var random = SeededGenerator.forTest()
        let bodies = (0..<40).map { _ in random.bytes(Int.random(in: 0...300, using: &random)) }
        let statuses = (0..<40).map { _ in [200, 201, 204, 302, 400, 404, 500].randomElement(using: &random) ?? 200 }
        try await CacheFixture.run { fixture in
            try await StubServer.run { request in
                StubResponse(
                    status: statuses[request.index % 40], body: ByteBuffer(bytes: bodies[request.index % 40]))
            } _: { server in
                for service in CacheServiceVersion.allCases {
                    let cache = try fixture.cache([
                        "ACTIONS_RESULTS_URL": server.url, "ACTIONS_CACHE_URL": "\(server.url)/x",
                        "ACTIONS_RUNTIME_TOKEN": "t", "GITHUB_REF": "r", "GITHUB_WORKSPACE": fixture.workspace,
                        "RUNNER_TEMP": fixture.temporary,
                    ]) { $0.service = service }
                    for _ in 0..<10 {
                        #expect(await cache.restore([fixture.memory], key: "k").key == nil)
                        #expect(await !cache.save([fixture.memory], key: "k").isSaved)
                    }
                }
            }
        }
    }
}
