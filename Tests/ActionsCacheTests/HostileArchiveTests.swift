import Foundation
import TestSupport
import Testing

@testable import ActionsCache

/// An archive that must be refused, and a word of the reason.
struct HostileArchive: Sendable, CustomTestStringConvertible {
    let name: String
    let reason: String
    /// - Parameter memory: the name of the wanted directory, as archives have it.
    let build: @Sendable (_ tar: inout TarBuilder, _ memory: String) -> Void

    init(_ name: String, _ reason: String, _ build: @escaping @Sendable (inout TarBuilder, String) -> Void) {
        (self.name, self.reason, self.build) = (name, reason, build)
    }
    var testDescription: String { name }

    static let all: [HostileArchive] = [
        HostileArchive("a name that climbs out", "outside") { $0.add("\($1)/../other", content: [1]) },
        HostileArchive("a name in the workspace", "outside") { tar, _ in tar.add("evil", content: [1]) },
        HostileArchive("an absolute name", "outside") { tar, _ in tar.add("/etc/holdfast-evil", content: [1]) },
        HostileArchive("a directory beside, whose name begins alike", "outside") { $0.add("\($1)-2/x", content: [1]) },
        HostileArchive("a long name that climbs out", "outside") {
            $0.addPax([("path", "\($1)/a/../../../x")])
            $0.add("harmless", content: [1])
        },
        HostileArchive("a GNU name that climbs out", "outside") {
            $0.add("././@LongLink", type: "L", content: Array("\($1)/../x\0".utf8), magic: "ustar  \u{0}")
            $0.add("harmless", content: [1])
        },
        HostileArchive("a name with a NUL", "NUL") {
            $0.addPax([("path", "\($1)/a\u{0}b")])
            $0.add("harmless", content: [1])
        },
        HostileArchive("a link to an absolute place", "target") { $0.add("\($1)/l", type: "2", link: "/etc") },
        HostileArchive("a link that climbs out", "target") { $0.add("\($1)/l", type: "2", link: "../x") },
        HostileArchive("a link that climbs behind a name", "target") {
            $0.add("\($1)/a/b/up", type: "2", link: "../..")
            $0.add("\($1)/out", type: "2", link: "a/b/up/../x")
        },
        HostileArchive("a link without a target", "target") { $0.add("\($1)/l", type: "2") },
        HostileArchive("a file written through a link", "through") {
            $0.add("\($1)/real/", type: "5")
            $0.add("\($1)/l", type: "2", link: "real")
            $0.add("\($1)/l/x", content: [1])
        },
        HostileArchive("a directory that becomes a link", "twice") {
            $0.add("\($1)/d/x", content: [1])
            $0.add("\($1)/d", type: "2", link: "e")
        },
        HostileArchive("a link that becomes a file", "twice") {
            $0.add("\($1)/d", type: "2", link: "e")
            $0.add("\($1)/d", content: [1])
        },
        HostileArchive("a file below a file", "below a file") {
            $0.add("\($1)/f", content: [1])
            $0.add("\($1)/f/x", content: [1])
        },
        HostileArchive("a hard link to a file outside", "outside") {
            $0.add("\($1)/h", type: "1", link: "/etc/passwd")
        },
        HostileArchive("a hard link to what is not there", "hard link") {
            $0.add("\($1)/h", type: "1", link: "\($1)/x")
        },
        HostileArchive("a hard link to a link", "hard link") {
            $0.add("\($1)/l", type: "2", link: "x")
            $0.add("\($1)/h", type: "1", link: "\($1)/l")
        },
        HostileArchive("a link in the place of the directory", "directory is wanted") {
            $0.add($1, type: "2", link: "x")
        },
        HostileArchive("a file in the place of the directory", "directory is wanted") { $0.add($1, content: [1]) },
        HostileArchive("a character device", "device") { $0.add("\($1)/d", type: "3") },
        HostileArchive("a block device", "device") { $0.add("\($1)/d", type: "4") },
        HostileArchive("a named pipe", "pipe") { $0.add("\($1)/d", type: "6") },
        HostileArchive("an unknown kind", "unknown kind") { $0.add("\($1)/d", type: "Z") },
        HostileArchive("a sparse file", "sparse") {
            $0.addPax([("GNU.sparse.major", "1")])
            $0.add("\($1)/d", content: [1])
        },
        HostileArchive("one name for all", "all members") {
            $0.addPax([("path", "\($1)/x")], type: "g")
            $0.add("\($1)/d", content: [1])
        },
        HostileArchive("a size beyond the limit", "more than may") { $0.add("\($1)/d", size: 0o77_777_777_777) },
        HostileArchive("a size beyond any", "more than may") {
            $0.addPax([("size", "9223372036854775807")])
            $0.add("\($1)/d")
        },
        HostileArchive("a huge extended header", "extended header") { tar, _ in tar.add("x", type: "x", size: 1 << 30)
        },
        HostileArchive("a record that is longer than its header", "extended header") { tar, memory in
            tar.add("x", type: "x", content: Array("99 path=x\n".utf8))
            tar.add("\(memory)/d")
        },
        HostileArchive("a wrong checksum", "checksum") { $0.add("\($1)/d", content: [1], checksumOffset: 1) },
        HostileArchive("a directory with content", "content") { $0.add("\($1)/d/", type: "5", content: [1]) },
        HostileArchive("a hole between members", "empty block") {
            $0.addRaw([UInt8](repeating: 0, count: 512))
            $0.add("\($1)/d", content: [1])
        },
        HostileArchive("nothing at all", "holds nothing") { _, _ in },
    ]
}

@Suite struct HostileArchiveTests {
    /// Restores an archive that the service holds under `k`.
    private func restore(
        _ bytes: [UInt8], compressed: Bool = true, _ configure: (inout ActionsCache.Options) -> Void = { _ in },
        _ check: (CacheRestoreOutcome, CacheFixture) throws -> Void
    ) async throws {
        try await CacheFixture.run { fixture, service in
            let version = CacheVersion.hash(paths: [fixture.memory], compression: .zstd)
            let plain = fixture.folder.appendingPathComponent("plain.tar")
            try Data(bytes).write(to: plain)
            if compressed { try runProgram("zstd", ["-q", "-f", plain.path, "-o", plain.path + ".zst"], in: "/") }
            let archive = try Data(contentsOf: compressed ? URL(fileURLWithPath: plain.path + ".zst") : plain)
            service.put(Array(archive), key: "k", version: version)
            let cache = try fixture.cache(service, configure)
            try check(await cache.restore([fixture.memory], key: "k"), fixture)
        }
    }

    /// The name of ``CacheFixture/memory`` in archives.
    private static let memory = "../../../home/.local/share/memory"

    @Test("is refused before anything is written", arguments: HostileArchive.all)
    func refused(archive: HostileArchive) async throws {
        var tar = TarBuilder()
        if archive.name != "nothing at all" && !archive.reason.contains("directory is wanted") {
            tar.add("\(Self.memory)/good", content: Array("good".utf8))
        }
        archive.build(&tar, Self.memory)
        try await restore(tar.finished, { $0.expandedLimit = 10 << 20 }) { (outcome, fixture) throws in
            guard case .unusable("k", let reason) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(reason.contains(archive.reason))
            #expect(try fixture.contents() == [:])
            #expect(try fixture.leftovers() == [])
            #expect(!FileManager.default.fileExists(atPath: "/etc/holdfast-evil"))
        }
    }

    @Test("an archive that ends too early is refused", arguments: [100, 511, 512, 700, 1024, 1100])
    func truncated(length: Int) async throws {
        var tar = TarBuilder()
        tar.add("\(Self.memory)/good", content: Array(repeating: 7, count: 600))
        #expect(tar.bytes.count > length)
        try await restore(Array(tar.finished.prefix(length))) { (outcome, fixture) throws in
            #expect(outcome.words.contains("truncated"))
            #expect(try fixture.contents() == [:])
        }
    }

    @Test("what is not compressed as it should be is refused")
    func noZstd() async throws {
        var tar = TarBuilder()
        tar.add("\(Self.memory)/good", content: [1])
        try await restore(tar.finished, compressed: false) { (outcome, fixture) throws in
            #expect(outcome.words.contains("decompressed"))
            #expect(try fixture.contents() == [:])
        }
    }

    @Test("zeroes behind the end count as well")
    func bomb() async throws {
        var tar = TarBuilder()
        tar.add("\(Self.memory)/good", content: [1])
        try await restore(tar.finished + [UInt8](repeating: 0, count: 3 << 20), { $0.expandedLimit = 1 << 20 }) {
            (outcome, fixture) throws in
            #expect(outcome.words.contains("expands to more than"))
            #expect(try fixture.contents() == [:])
        }
    }

    @Test("odd but honest archives are extracted")
    func honest() async throws {
        var tar = TarBuilder()
        tar.addPax([("comment", "by somebody")], type: "g")
        tar.add("././\(Self.memory)/./a", content: Array("a".utf8))
        tar.add("\(Self.memory)/b/c/d", content: Array("d".utf8), magic: "ustar  \u{0}")
        tar.add("\(Self.memory)/a", content: Array("again".utf8))
        tar.add("\(Self.memory)/b/up", type: "2", link: "../b/./c")
        tar.add("\(Self.memory)/b/up", type: "2", link: "../b/./c")
        for _ in 1...2 { tar.add("\(Self.memory)/h", type: "1", link: "\(Self.memory)/a") }
        tar.add("\(Self.memory)/a", type: "1", link: "\(Self.memory)/a")
        tar.add("\(Self.memory)/b/up", type: "1", link: "\(Self.memory)/b/up")
        let set = "\(Self.memory)/old/"
        tar.add(set, type: "\u{0}")
        try await restore(tar.finished) { (outcome, fixture) throws in
            #expect(outcome.key == "k")
            #expect(try Set(fixture.contents().keys) == ["a", "b", "b/c", "b/c/d", "b/up", "h", "old"])
            #expect(try Data(contentsOf: URL(fileURLWithPath: "\(fixture.memory)/h")) == Data("again".utf8))
        }
    }

    @Test("a directory that is reached by a link is restored where it really is")
    func linkedDirectory() async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill()
            let before = try fixture.contents()
            let link = fixture.folder.appendingPathComponent("link").path
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: fixture.memory)
            let cache = try fixture.cache(service)
            #expect(await cache.save([link], key: "k").isSaved)
            try fixture.empty()
            try FileManager.default.createDirectory(atPath: fixture.memory, withIntermediateDirectories: true)
            #expect(await cache.restore([link], key: "k").key == "k")
            #expect(try fixture.contents() == before)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == fixture.memory)
        }
    }
}
