import ActionsCache
import Foundation
import TestSupport
import Testing

@Suite struct InteroperabilityTests {
    /// The entries of a service that were made and are read as `actions/cache` does, by plain programs.
    private let memory = "../../../home/.local/share/memory"

    @Test("an archive that actions/cache made is restored", arguments: [true, false])
    func reads(isZstd: Bool) async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill()
            let before = try fixture.contents()
            let name = isZstd ? "cache.tzst" : "cache.tgz"
            try Data(memory.utf8).write(to: URL(fileURLWithPath: "\(fixture.temporary)/manifest.txt"))
            try runProgram(
                "tar",
                [
                    "--posix", "-cf", name, "--exclude", name, "-P", "-C", fixture.workspace, "--files-from",
                    "manifest.txt",
                ] + (isZstd ? ["--use-compress-program", "zstdmt"] : ["-z"]), in: fixture.temporary)
            let archive = try Data(contentsOf: URL(fileURLWithPath: "\(fixture.temporary)/\(name)"))
            for file in ["manifest.txt", name] {
                try FileManager.default.removeItem(atPath: "\(fixture.temporary)/\(file)")
            }
            let cache = try fixture.cache(service) { if !isZstd { $0.zstd = "no-such-zstd" } }
            // Its own lookup tells the version that it reads.
            #expect(await cache.lookUp([fixture.memory], key: "k") == .miss)
            let version = try #require(
                service.requests(.lookUp).last?.body.split(separator: "\"").last { $0.count == 64 })
            service.put(Array(archive), key: "k", version: String(version))
            try fixture.empty()
            #expect(await cache.restore([fixture.memory], key: "k").key == "k")
            #expect(try fixture.contents() == before)
            #expect(try fixture.leftovers() == [])
        }
    }

    @Test("actions/cache extracts what was saved", arguments: [true, false])
    func writes(isZstd: Bool) async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill()
            let before = try fixture.contents()
            let cache = try fixture.cache(service) { if !isZstd { $0.zstd = "no-such-zstd" } }
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            let archive = fixture.folder.appendingPathComponent("fetched").path
            try Data(service.entries[0].bytes).write(to: URL(fileURLWithPath: archive))
            try fixture.empty()
            try runProgram(
                "tar",
                ["-xf", archive, "-P", "-C", fixture.workspace]
                    + (isZstd ? ["--use-compress-program", "unzstd"] : ["-z"]), in: fixture.temporary)
            #expect(try fixture.contents() == before)
            let names = try runProgram(
                "tar", ["-tf", archive, "-P"] + (isZstd ? ["--use-compress-program", "unzstd"] : ["-z"]), in: "/")
            #expect(names.split(separator: "\n").allSatisfy { $0.hasPrefix(memory) })
        }
    }

    @Test("without tar a save says so, and a restore needs none")
    func withoutTar() async throws {
        try await CacheFixture.run { fixture, service in
            try fixture.fill()
            #expect(await (try fixture.cache(service)).save([fixture.memory], key: "k").isSaved)
            let cache = try fixture.cache(service) { $0.tar = "no-such-tar" }
            #expect(
                await cache.save([fixture.memory], key: "k2")
                    == .failed(reason: "no archive can be made: 'no-such-tar' is not installed"))
            #expect(await cache.restore([fixture.memory], key: "k").key == "k")
            #expect(service.requests(.create).count == 1)
        }
    }

    @Test("the programs that are run see neither token nor address")
    func environment() async throws {
        try await CacheFixture.run { fixture, service in
            let seen = fixture.folder.appendingPathComponent("seen").path
            let program = fixture.folder.appendingPathComponent("tar").path
            try Data("#!/bin/sh\nenv > '\(seen)'; exec tar \"$@\"\n".utf8).write(to: URL(fileURLWithPath: program))
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
            let cache = try fixture.cache(service) { $0.tar = program }
            #expect(await cache.save([fixture.memory], key: "k").isSaved)
            let text = try String(contentsOfFile: seen, encoding: .utf8)
            #expect(text.contains("PATH="))
            #expect(!text.contains("ACTIONS_"))
        }
    }

    @Test("Azure's own client uploads to the test service in blocks and reads the same back")
    func azureClient() async throws {
        try await CacheFixture.run { fixture, service in
            var random = SeededGenerator.forTest()
            let (source, copy) = ("\(fixture.temporary)/source", "\(fixture.temporary)/copy")
            let content = Data(random.bytes(300_000))
            try content.write(to: URL(fileURLWithPath: source))
            let addresses = service.signedAddresses(blob: "/devstoreaccount1/container/azure")
            let script = Project.folder.appendingPathComponent("scripts/servers/check-block-blobs.py").path
            let python = Project.folder.appendingPathComponent(".venv/bin/python").path
            // Not on one of the threads that the service needs.
            let folder = fixture.temporary
            let text = try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread {
                    continuation.resume(
                        with: Result {
                            try runProgram(
                                python, [script, addresses.upload, addresses.download, source, copy], in: folder)
                        })
                }
            }
            #expect(text == "{\"blocks\": 5, \"size\": 300000}\n")
            #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == content)
            #expect(service.requests(.putBlock).count == 5)
            #expect(service.requests(.get).count == 5)
        }
    }
}
