import CZstd
import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Repository

@Suite("The state of an OpenCode with a database", .timeLimit(.minutes(5)))
struct DatabaseStateTests {
    @Test("comes back after a wipe as it was at each snapshot, row by row", arguments: ["v1", "v2"])
    func everySnapshot(_ schema: String) async throws {
        var random = SeededGenerator.forTest()
        try await Sandbox.run { sandbox in
            let home = try await AgentHome("agent", schema: schema, seed: random.next() % 1000, in: sandbox)
            var saved: [(snapshot: String, digest: String)] = []
            for round in 0..<3 {
                if round > 0 { try await home.mutate(seed: random.next() % 1000) }
                let digest = try await home.digest()
                let push = try await home.sandbox.holdfast("push", "--json", "--no-mirror")
                try #require(push.code == 0, "seed \(random.seed): \(push.out) \(push.err)")
                #expect(try await home.digest() == digest, "a save changed the state")
                saved.append((try #require(try push.json["snapshot"].string), digest))
            }
            #expect(Set(saved.map(\.digest)).count == 3)
            for (snapshot, digest) in saved.shuffled(using: &random) {
                try home.wipe()
                let pull = try await home.sandbox.holdfast("pull", "--at", snapshot)
                try #require(pull.code == 0, "seed \(random.seed): \(pull.out) \(pull.err)")
                #expect(try await home.digest() == digest, "seed \(random.seed), snapshot \(snapshot)")
            }
        }
    }

    /// What the generator plants in the database and in files that belong to a state.
    static let planted: [String: Set<String>] = [
        "v1": ["db.account", "db.session_share"], "v2": ["db.account", "db.credential"],
    ]

    @Test(
        "leaves no planted secret in the store, a log or a temporary file, unless credentials are wanted",
        arguments: ["v1", "v2"], [false, true])
    func secrets(_ schema: String, keeping: Bool) async throws {
        try await Sandbox.run { sandbox in
            let home = try await AgentHome("agent", schema: schema, seed: 11, in: sandbox)
            for round in 0..<2 {
                if round > 0 { try await home.mutate(seed: 5) }
                let options = keeping ? ["--keep-database-secrets"] : []
                let push = try await home.sandbox.program(
                    Sandbox.binary, ["push", "-v", "-v", "--log-format", "json"] + options)
                try #require(push.code == 0, "\(push.err)")
                try sandbox.write("logs/push-\(round)", push.out + push.err)
                #expect(push.err.contains("hold credentials") == keeping)
            }
            let pull = try await home.sandbox.program(Sandbox.binary, ["pull", "-v", "-v", "--log-format", "json"])
            try sandbox.write("logs/pull", pull.out + pull.err)

            let blobs = try await expandPacks(of: sandbox)
            #expect(blobs > 2)
            let found = try await home.leaks(in: ["expanded"])
            if keeping {
                // That the search finds what is there.
                #expect(found.isSuperset(of: try #require(Self.planted[schema])), "\(found)")
            } else {
                #expect(found == [])
            }
            // The mirror view, what the machine remembers, and what is left in temporary directories.
            #expect(try await home.leaks(in: ["home", "logs", "tmp", "state-of-agent"]) == [])
            #expect(try sandbox.tree("tmp").isEmpty)
        }
    }

    /// Writes what every frame of every pack holds below `expanded`, whether a snapshot refers to it or not.
    /// - Returns: how many frames there were.
    private func expandPacks(of sandbox: Sandbox) async throws -> Int {
        try await sandbox.withStore { store in
            let prefix = String(sandbox.mirrorPrefix.dropLast("storage/".count)) + "packs/"
            var count = 0
            for object in try await store.list(prefix: prefix).collect() {
                var rest = try await store.get(object.key).collect(upTo: 1 << 28)
                rest.moveReaderIndex(forwardBy: Pack.headerLength)
                while rest.readableBytes > 0 {
                    let (length, size) = rest.withUnsafeReadableBytes {
                        (
                            ZSTD_findFrameCompressedSize($0.baseAddress, $0.count),
                            ZSTD_getFrameContentSize($0.baseAddress, $0.count)
                        )
                    }
                    let frame = rest.readSlice(length: length)
                    let content = try Zstd.expand(try #require(frame), length: Int(size))
                    try sandbox.write("expanded/\(count)", Data(content.readableBytesView))
                    count += 1
                }
            }
            return count
        }
    }
}
