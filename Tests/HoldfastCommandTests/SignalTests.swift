import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Subprocess
import TestSupport
import Testing

@Suite("Signals", .timeLimit(.minutes(1)))
struct SignalTests {
    static let signals: [(Signal, Int32)] = [(.interrupt, 130), (.terminate, 143)]

    private func waitFor(
        _ arrivals: AsyncStream<StubRequest>, _ what: String, _ isIt: (StubRequest) -> Bool
    ) async throws {
        for await request in arrivals where isIt(request) { return }
        Issue.record("no \(what) arrived")
    }

    private static func isPart(_ request: StubRequest) -> Bool {
        request.method == "PUT" && request.parameters["partNumber"] != nil
    }

    private static func noise(_ count: Int, seed: UInt64 = 1) -> Data {
        var random = SeededGenerator(seed: seed)
        return Data((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    @Test("A push that is interrupted ends, and leaves no snapshot", arguments: signals, [[], ["--json"]])
    func push(_ signal: (Signal, Int32), mode: [String]) async throws {
        try await StubStore.run { store, server, sandbox in
            store.answering { $0.method == "PUT" && $0.key.contains("/packs/") ? .hang : nil }
            try sandbox.write("storage/large", Self.noise(20_000_000))
            let before = try sandbox.tree("storage")
            let run = try await sandbox.holdfast("push", mode.first ?? "--no-progress") { send in
                try await waitFor(server.arrivals, "pack") { $0.method == "PUT" && $0.key.contains("/packs/") }
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
            #expect(try await store.keys().filter { $0.contains("/commits/") || $0.contains("/storage/") } == [])
            #expect(try sandbox.tree("storage") == before)
        }
    }

    @Test(
        "A push that is interrupted in the mirror view aborts its uploads; the next push completes the view",
        arguments: signals)
    func mirror(_ signal: (Signal, Int32)) async throws {
        try await StubStore.run { store, server, sandbox in
            store.answering { Self.isPart($0) ? .hang : nil }
            let large = Self.noise(20_000_000)
            try sandbox.write("storage/large", large)
            let run = try await sandbox.holdfast("push") { send in
                try await waitFor(server.arrivals, "part", Self.isPart)
                try send(signal.0)
            }
            #expect(run.code == signal.1)
            #expect(run.out == "")
            #expect(server.requests.contains { $0.method == "DELETE" && $0.parameters["uploadId"] == "upload-1" })
            #expect(!server.requests.contains { $0.method == "POST" && $0.parameters["uploadId"] != nil })
            let commits = try await store.keys("memory/local/owner-repo/commits/")
            #expect(commits.count == 1)

            store.answering { _ in nil }
            let again = try await sandbox.holdfast("push", "--json")
            #expect(again.code == 0, "\(again.err)")
            #expect(try again.json["transferredObjects"].int == 0)
            #expect(try again.json["mergeConflicts"] == .array([]))
            #expect(try await store.keys("memory/local/owner-repo/commits/") == commits)
            let there = try await store.objects.get(ObjectKey(sandbox.mirrorPrefix + "large")).collect(upTo: 1 << 25)
            #expect(Data(there.readableBytesView) == large)
        }
    }

    @Test("A second signal ends the clean-up, and without one the clean-up has an end", arguments: [true, false])
    func hangingCleanUp(again: Bool) async throws {
        try await StubStore.run { store, server, sandbox in
            store.answering {
                Self.isPart($0) || $0.method == "DELETE" && $0.parameters["uploadId"] != nil ? .hang : nil
            }
            try sandbox.write("storage/large", Data(repeating: 1, count: 20_000_000))
            let run = try await sandbox.holdfast("push") { send in
                try await waitFor(server.arrivals, "part", Self.isPart)
                try send(.interrupt)
                try await waitFor(server.arrivals, "abort") {
                    $0.method == "DELETE" && $0.parameters["uploadId"] != nil
                }
                if again { try send(.interrupt) }
            }
            #expect(run.code == 130)
            #expect(run.out == "")
        }
    }

    @Test(
        "A pull that ends in the middle leaves every file as it was, and the next one takes what had arrived",
        arguments: [(.interrupt, .exited(130)), (.terminate, .exited(143)), (.kill, .signaled(9))]
            as [(Signal, TerminationStatus)])
    func resume(_ signal: (Signal, TerminationStatus)) async throws {
        try await StubStore.run { store, server, sandbox in
            // Two packs, which are read one after the other.
            for number in 0..<5 {
                try sandbox.write("storage/part/\(number)", Self.noise(3_000_000, seed: UInt64(number)))
            }
            try sandbox.write("storage/mine", "as it was pushed")
            #expect(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            let all = try sandbox.tree("storage")
            try sandbox.remove("storage/part")
            try sandbox.write("storage/mine", "changed here")
            let before = try sandbox.tree("storage")
            let first = NIOLockedValueBox<String?>(nil)
            store.answering { request in
                guard request.readsPack else { return nil }
                let isFirst = first.withLockedValue { first in
                    if first == nil { first = request.key }
                    return first == request.key
                }
                return isFirst ? nil : .hang
            }
            let run = try await sandbox.holdfast("pull", "--concurrency", "1") { send in
                try await waitFor(server.arrivals, "second pack") { request in
                    // A request may be told of before it is answered: until one was, this is the first.
                    guard request.readsPack, let first = first.withLockedValue({ $0 }) else { return false }
                    return request.key != first
                }
                try send(signal.0)
            }
            #expect(run.status == signal.1)
            #expect(run.out == "")
            // What has arrived lies in a directory of Holdfast's own, which no agent and no push looks at.
            let left = try sandbox.tree("storage").filter { !$0.key.hasPrefix(".holdfast-") }
            #expect(left == before)

            store.answering { _ in nil }
            let seen = server.requests.count
            let again = try await sandbox.holdfast("pull", "--json")
            #expect(again.code == 0, "\(again.err)")
            let fetched = try #require(try again.json["transferredObjects"].int)
            #expect((1..<5).contains(fetched))
            #expect(try again.json["transferredBytes"].int ?? .max < 12_500_000)
            #expect(server.requests.dropFirst(seen).contains { $0.readsPack })
            #expect(try sandbox.tree("storage") == all.merging(["mine": Data("changed here".utf8)]) { $1 })
        }
    }

    @Test("A pull of the mirror view that is interrupted leaves everything as it was", arguments: signals)
    func pull(_ signal: (Signal, Int32)) async throws {
        try await StubStore.run { store, server, sandbox in
            for name in ["a", "b", "c"] {
                let content = ByteBuffer(repeating: 1, count: 100)
                try await store.objects.put(ObjectKey(sandbox.mirrorPrefix + name), .bytes(content), .overwrite)
            }
            store.answering { request in
                guard request.key.hasSuffix("/b") || request.key.hasSuffix("/c") else { return nil }
                return .truncatedBody(declaredLength: 100, bytes: [1, 2, 3], ending: .hang)
            }
            try sandbox.write("storage/mine", "mine")
            let before = try sandbox.tree("storage")
            let run = try await sandbox.holdfast("pull") { send in
                try await waitFor(server.arrivals, "read of c") { $0.key.hasSuffix("/c") }
                try send(signal.0)
            }
            #expect(run.code == signal.1)
            #expect(run.out == "")
            // No staging directory either.
            #expect(try sandbox.tree("storage") == before)
        }
    }

    @Test("A demo that is interrupted leaves nothing behind", arguments: ["/packs/", "/commits/", "/storage/"])
    func demo(_ place: String) async throws {
        try await StubStore.run { store, server, sandbox in
            store.answering { $0.method == "PUT" && $0.key.contains(place) ? .hang : nil }
            try await store.objects.put(ObjectKey("kept"), .bytes(ByteBuffer(string: "kept")), .overwrite)
            let run = try await sandbox.holdfast("demo", "--store", "s3://bucket") { send in
                try await waitFor(server.arrivals, "write") { $0.method == "PUT" && $0.key.contains(place) }
                try send(.terminate)
            }
            #expect(run.code == 143)
            #expect(try sandbox.tree("tmp").isEmpty)
            #expect(try await store.keys() == ["kept"])
        }
    }
}
