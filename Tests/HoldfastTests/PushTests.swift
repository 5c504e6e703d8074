import AgentFiles
import FileIO
import Foundation
import NIOCore
import ObjectStore
import Repository
import TestSupport
import Testing

@testable import Holdfast

@Suite("What a push makes of a state")
struct PushTests {
    /// All versions of a file in the history.
    private func versions(of name: String, _ fixture: Fixture) async throws -> Set<String> {
        let repository = fixture.memory().repository
        let path = try #require(RelativePath(name))
        var found: Set<String> = []
        for snapshot in try await repository.history().snapshots {
            guard let entry = try await repository.manifest(of: snapshot).entry(path) else { continue }
            found.insert(String(buffer: try await repository.content(of: entry)))
        }
        return found
    }

    @Test(
        "Of a file that changed on both sides the later version wins, and the other is in the history",
        arguments: [true, false], [true, false])
    func conflict(oursIsLater: Bool, isOnlyChange: Bool) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["f": "base", "g": "base"])
            #expect(await fixture.memory().push().success)
            #expect(await fixture.memory("b").pull().success)
            try fixture.write(["f": "theirs"])
            #expect(await fixture.memory().push().success)
            try fixture.write(["f": "ours"].merging(isOnlyChange ? [:] : ["g": "ours"]) { $1 }, on: "b")
            let time = Date(timeIntervalSinceNow: oursIsLater ? 3600 : -3600)
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: fixture.storage("b") + "/f")
            let push = await fixture.memory("b").push()
            #expect(push.success)
            #expect(push.merged)
            #expect(push.mergeConflicts == ["f"])
            #expect(await fixture.memory("c").pull().success)
            #expect(
                try fixture.files("c") == ["f": oursIsLater ? "ours" : "theirs", "g": isOnlyChange ? "base" : "ours"])
            #expect(try await versions(of: "f", fixture) == ["base", "theirs", "ours"])
        }
    }

    @Test("Both versions are in the history after an adoption", arguments: [true, false])
    func adoption(oursIsLater: Bool) async throws {
        try await Fixture.with { fixture in
            try await fixture.put("f", "theirs")
            try await fixture.put("only", "theirs")
            try fixture.write(["f": "ours"])
            // The times of this store are long past; so is this one.
            let time = Date(timeIntervalSince1970: oursIsLater ? 3600 : -3600)
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: fixture.storage() + "/f")
            let push = await fixture.memory().push()
            #expect(push.success)
            #expect(push.mergeConflicts == ["f"])
            #expect(try await versions(of: "f", fixture) == ["theirs", "ours"])
            #expect(try await versions(of: "only", fixture) == ["theirs"])
            #expect(await fixture.memory("b").pull().success)
            #expect(try fixture.files("b") == ["f": oursIsLater ? "ours" : "theirs", "only": "theirs"])
        }
    }

    @Test("What was restored is known to be unchanged without being read")
    func notRead() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1", "dir/b": "2"])
            for name in ["a", "dir/b"] {
                let time = Date(timeIntervalSinceNow: -3600)
                try FileManager.default.setAttributes(
                    [.modificationDate: time], ofItemAtPath: "\(fixture.storage())/\(name)")
            }
            #expect(await fixture.memory().push().success)
            #expect(await fixture.memory("b").pull().success)
            let memory = fixture.memory("b")
            func isUnchanged() async throws -> Bool {
                let scan = try await StorageScan.scan(fixture.storage("b"), exclusions: Exclusions())
                let base = try #require(await memory.workspace.localState.read())
                return Capture(
                    memory.workspace, scan.files, [], failures: [], base,
                    takenAt: memory.workspace.environment.now()
                ).isUnchanged
            }
            #expect(try await isUnchanged())
            // Of the same size.
            try fixture.write(["a": "3"], on: "b")
            #expect(try await isUnchanged() == false)
        }
    }

    @Test("A pull counts all of its requests")
    func requests() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["a": "1", "b": "2"])
            #expect(await fixture.memory().push().success)
            let before = fixture.meter.now
            let pull = await fixture.memory("b").pull()
            #expect(pull.requests == fixture.meter.now.requests - before.requests)
            // The listing, the commit, the manifest, the content.
            #expect(pull.requests == 4)
            #expect(await fixture.memory("b").pull().requests == 1)
        }
    }

    @Test("Files that have grown since they were counted do not make a frame that no reader takes")
    func frames() throws {
        let blobs = (0..<5).map { number in
            let content = ByteBuffer(repeating: UInt8(number), count: 7 << 20)
            return (digest: Digest(of: content), content: content)
        }
        #expect(FileCapture.frames(blobs).count == 3)
        #expect(FileCapture.frames(Array(blobs.prefix(1))).count == 1)
        #expect(FileCapture.frames([]).isEmpty)
    }
}
