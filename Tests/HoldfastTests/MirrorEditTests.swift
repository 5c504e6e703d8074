import FileIO
import Foundation
import NIOCore
import ObjectStore
import Testing

@testable import Holdfast
@testable import Repository

@Suite("What another tool writes into the mirror view")
struct MirrorEditTests {
    @Test("It is taken in with the next save, and named")
    func takenIn() async throws {
        try await withFolder { store in
            try await Fixture.with(store) { fixture in
                try fixture.write(["a": "v1", "b": "v1"])
                #expect(await fixture.memory().push().success)
                try await fixture.put("a", "by another tool")
                try await fixture.put("new", "by another tool")
                try fixture.write(["b": "v2"])
                let push = await fixture.memory().push()
                #expect(push.success, "\(push)")
                #expect(push.warnings.contains { $0.contains("mirror view") && $0.contains("'a', 'new'") })
                #expect(await fixture.memory("c").pull().success)
                #expect(try fixture.files("c") == ["a": "by another tool", "b": "v2", "new": "by another tool"])
                // Once.
                try fixture.write(["b": "v3"])
                #expect(await fixture.memory().push().warnings == [])
            }
        }
    }

    @Test("An edit of a file that changed here as well is in the history")
    func conflict() async throws {
        try await withFolder { store in
            try await Fixture.with(store) { fixture in
                try fixture.write(["a": "v1"])
                #expect(await fixture.memory().push().success)
                try await fixture.put("a", "by another tool")
                try fixture.write(["a": "v2"])
                let push = await fixture.memory().push()
                #expect(push.success, "\(push)")
                let repository = fixture.memory().repository
                var versions: Set<String> = []
                for snapshot in try await repository.history().snapshots {
                    for entry in try await repository.manifest(of: snapshot).entries {
                        versions.insert(String(buffer: try await repository.content(of: entry)))
                    }
                }
                #expect(versions == ["v1", "v2", "by another tool"])
            }
        }
    }

    @Test("What a save has written that was cut off is no edit of others")
    func ownWork() async throws {
        try await withFolder { store in
            try await Fixture.with(store) { fixture in
                try fixture.write(["a": "v1"])
                #expect(await fixture.memory().push().success)
                try fixture.write(["a": "v2"])
                #expect(await fixture.memory(keepsMirror: false).push().success)
                let tip = try #require(try await fixture.memory().repository.heads().tip)
                // As far as it came before it was killed.
                try await fixture.put("a", "v2")
                let first = try #require(try await fixture.memory().repository.parents(of: tip).first)
                _ = try await fixture.memory().rollback(to: first)
                try fixture.write(["b": "new"], on: "c")
                #expect(await fixture.memory("c").push().success)
                #expect(await fixture.memory("d").pull().success)
                #expect(try fixture.files("d") == ["a": "v1", "b": "new"])
            }
        }
    }

    private func withFolder(_ body: (any ObjectStore) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(FileObjectStore(root: folder))
    }
}
