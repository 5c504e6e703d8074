import Foundation
import Testing

@testable import Holdfast

@Suite("What watch makes of a state that changed while it was down")
struct WatchStartTests {
    @Test("A file that the agent removed stays removed, and the next save saves that")
    func removed() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["1": "x", "2": "x", "3": "x"])
            try #require(await fixture.memory().push().success)
            try fixture.remove("1")
            let start = await fixture.memory().restoreForWatch(sharing: [])
            #expect(start.success && start.warnings.isEmpty, "\(start)")
            #expect(Set(try fixture.files().keys) == ["2", "3"])
            let save = await fixture.memory().push(gently: true)
            #expect(save.success && save.removed == 1, "\(save)")
            #expect(try await fixture.newest().files == ["2", "3"])
        }
    }

    @Test("A file that changed in the store meanwhile comes back")
    func changed() async throws {
        try await Fixture.with { fixture in
            try fixture.write(["1": "x", "2": "x", "3": "x"])
            try #require(await fixture.memory().push().success)
            try #require(await fixture.memory("b").pull().success)
            try fixture.write(["1": "changed"], on: "b")
            try #require(await fixture.memory("b").push().success)
            try fixture.remove("1")
            #expect(await fixture.memory().restoreForWatch(sharing: []).success)
            #expect(try fixture.files()["1"] == "changed")
        }
    }

    enum Loss: CaseIterable { case directory, content, most, database }

    @Test("What is missing on a disk that seems new comes back", arguments: Loss.allCases)
    func newDisk(_ loss: Loss) async throws {
        try await Fixture.with { fixture in
            let names = (0..<20).map { "\($0)" }
            try fixture.write(Dictionary(uniqueKeysWithValues: names.map { ($0, "x") }))
            try fixture.addSessions(["one"])
            try #require(await fixture.memory().push().success)
            switch loss {
            case .directory: try FileManager.default.removeItem(atPath: fixture.storage())
            case .content: for name in names { try fixture.remove(name) }
            case .most: for name in names.dropFirst(5) { try fixture.remove(name) }
            case .database:
                for suffix in ["", "-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: "\(fixture.folder)/a/opencode.db\(suffix)")
                }
                try fixture.remove("1")
            }
            let start = await fixture.memory().restoreForWatch(sharing: [])
            #expect(start.success, "\(start)")
            #expect(start.warnings.contains { $0.contains("the disk seems new") }, "\(start.warnings)")
            #expect(Set(try fixture.files().keys) == Set(names))
            #expect(try fixture.sessions() == ["one"])
            let save = await fixture.memory().push(gently: true)
            #expect(save.heldBack == nil)
            #expect(try await fixture.newest() == (["one"], Set(names)))
        }
    }
}
