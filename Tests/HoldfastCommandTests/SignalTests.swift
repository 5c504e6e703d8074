import Foundation
import NIOCore
import Subprocess
import TestSupport
import Testing

@Suite("Signals", .timeLimit(.minutes(1)))
struct SignalTests {
    static let signals: [(Signal, Int32)] = [(.interrupt, 130), (.terminate, 143)]

    /// A store whose parts never get an answer.
    @Sendable private static func hangsOnParts(_ request: StubRequest) -> StubResponse {
        switch (request.method, request.query) {
        case ("GET", _): .text(listing([]))
        case ("POST", "uploads="), ("POST", "uploads"):
            .text("<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>")
        case ("DELETE", _): .status(204)
        default: .hang
        }
    }

    private static func listing(_ objects: [(key: String, size: Int)]) -> String {
        let entries = objects.map {
            "<Contents><Key>\($0.key)</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                + "<ETag>\"0123456789abcdef0123456789abcdef\"</ETag><Size>\($0.size)</Size></Contents>"
        }
        return "<ListBucketResult><IsTruncated>false</IsTruncated>\(entries.joined())</ListBucketResult>"
    }

    private func waitFor(_ method: String, _ arrivals: inout AsyncStream<StubRequest>.Iterator) async throws {
        while let request = await arrivals.next() { if request.method == method { return } }
        Issue.record("no \(method) arrived")
    }

    @Test(
        "A push that is interrupted aborts its uploads and ends",
        arguments: signals, [[], ["--json"]])
    func push(_ signal: (Signal, Int32), mode: [String]) async throws {
        try await StubServer.run(handler: Self.hangsOnParts) { server in
            try await Sandbox.run { sandbox in
                let sandbox = try sandbox.using(server)
                try sandbox.write("storage/large", Data(repeating: 1, count: 20_000_000))
                let before = try sandbox.tree("storage")
                let run = try await sandbox.holdfast("push", mode.first ?? "--no-progress") {
                    send in
                    var arrivals = server.arrivals.makeAsyncIterator()
                    try await waitFor("PUT", &arrivals)
                    try send(signal.0)
                }
                #expect(run.code == signal.1)
                #expect(run.err.contains("holdfast push: interrupted by SIG"))
                if mode.isEmpty {
                    #expect(run.out == "")
                } else {
                    #expect(try run.json["error"]["code"].string == "cancelled")
                    #expect(try run.json["success"].bool == false)
                }
                #expect(server.requests.contains { $0.method == "DELETE" && $0.query.contains("uploadId=upload-1") })
                #expect(!server.requests.contains { $0.method == "POST" && $0.query.contains("uploadId") })
                #expect(try sandbox.tree("storage") == before)
            }
        }
    }

    @Test("A second signal ends the clean-up, and without one the clean-up has an end", arguments: [true, false])
    func hangingCleanUp(again: Bool) async throws {
        try await StubServer.run { request in
            request.method == "DELETE" ? .hang : Self.hangsOnParts(request)
        } _: { server in
            try await Sandbox.run { sandbox in
                let sandbox = try sandbox.using(server)
                try sandbox.write("storage/large", Data(repeating: 1, count: 20_000_000))
                let run = try await sandbox.holdfast("push") { send in
                    var arrivals = server.arrivals.makeAsyncIterator()
                    try await waitFor("PUT", &arrivals)
                    try send(.interrupt)
                    try await waitFor("DELETE", &arrivals)
                    if again { try send(.interrupt) }
                }
                #expect(run.code == 130)
                #expect(run.out == "")
            }
        }
    }

    @Test(
        "A pull that is interrupted leaves everything as it was",
        arguments: signals)
    func pull(_ signal: (Signal, Int32)) async throws {
        try await Sandbox.run { outer in
            let prefix = "memory/local/owner-repo/storage/"
            try await StubServer.run { request in
                if request.query.contains("list-type") {
                    return .text(Self.listing([(prefix + "a", 5), (prefix + "b", 100), (prefix + "c", 100)]))
                }
                if request.path.hasSuffix("/a") { return .text("hello") }
                return .truncatedBody(declaredLength: 100, bytes: [1, 2, 3], ending: .hang)
            } _: { server in
                let sandbox = try outer.using(server)
                try sandbox.write("storage/mine", "mine")
                let before = try sandbox.tree("storage")
                let run = try await sandbox.holdfast("pull") { send in
                    var arrivals = server.arrivals.makeAsyncIterator()
                    while let request = await arrivals.next() { if request.path.hasSuffix("/c") { break } }
                    try send(signal.0)
                }
                #expect(run.code == signal.1)
                #expect(run.out == "")
                // No staging directory either.
                #expect(try sandbox.tree("storage") == before)
            }
        }
    }

    @Test("A demo that is interrupted leaves nothing behind")
    func demo() async throws {
        try await StubServer.run { request in
            request.method == "PUT" ? .hang : .text(Self.listing([]))
        } _: { server in
            try await Sandbox.run { sandbox in
                let sandbox = try sandbox.using(server)
                let run = try await sandbox.holdfast("demo", "--store", "s3://bucket") { send in
                    var arrivals = server.arrivals.makeAsyncIterator()
                    try await waitFor("PUT", &arrivals)
                    try send(.terminate)
                }
                #expect(run.code == 143)
                #expect(try sandbox.tree("tmp").isEmpty)
                // It has looked for what it had put into the store: a list beside that of the push.
                let lists = server.requests.filter { $0.method == "GET" && $0.query.contains("holdfast-demo") }
                #expect(lists.count == 2)
            }
        }
    }
}
