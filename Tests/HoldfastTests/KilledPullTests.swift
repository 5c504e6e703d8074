import AgentFiles
import FileIO
import Foundation
import Repository
import Testing

@testable import Holdfast

/// What a pull leaves that is killed while it moves files into place: some are new, the others still old.
@Suite("After a pull that was killed between two files")
struct KilledPullTests {
    static let old = ["changed": "1", "both": "1", "removed": "1", "same": "1", "name": "file", "d/gone": "1"]
    static let new = ["changed": "2", "both": "2", "added": "2", "same": "1", "name/below": "2", "e/added": "2"]
    /// Here every change is followed by another one.
    static let newest = ["changed": "1", "both": "3", "removed": "3", "same": "3", "name": "again", "f": "3"]

    /// In the order in which they are made: removals come first.
    static let steps: [String] =
        old.keys.filter { new[$0] == nil }.sorted() + new.keys.filter { old[$0] != new[$0] }.sorted()

    private func replace(_ files: [String: String], by others: [String: String], _ fixture: Fixture) throws {
        for path in files.keys where others[path] == nil { try fixture.remove(path) }
        try? fixture.remove("name/")
        try fixture.write(others.filter { files[$0.key] != $0.value })
    }

    /// Machine `a` saves one state after the other; the pull of `b` from the old to the new one ends after some steps.
    private func killed(
        after count: Int, knowing first: Bool, movedOn: Bool, _ body: (Fixture, [String: String]) async throws -> Void
    ) async throws {
        try await Fixture.with { fixture in
            try fixture.write(Self.old)
            try #require(await fixture.memory().push().success)
            if first { try #require(await fixture.memory("b").pull().success) }
            try replace(Self.old, by: Self.new, fixture)
            try #require(await fixture.memory().push().success)

            let memory = fixture.memory("b")
            let newest = try await memory.repository.newest()
            let snapshot = try #require(newest.tip)
            let entries = try #require(newest.manifest).entries.map {
                FileIndex.Entry(
                    path: $0.path, size: $0.size, modified: $0.modified, changed: 0, inode: 0, sha256: $0.digest)
            }
            await memory.workspace.announce([snapshot], restoring: true, entries, takenAt: 0)
            for path in Self.steps.prefix(count) {
                let url = URL(fileURLWithPath: "\(fixture.storage("b"))/\(path)")
                try? FileManager.default.removeItem(at: url)
                if let content = Self.new[path] { try fixture.write([path: content], on: "b") }
            }
            try fixture.write([".holdfast-0123456789abcdef.tmp/old-0": "1"], on: "b")

            if movedOn {
                try replace(Self.new, by: Self.newest, fixture)
                try #require(await fixture.memory().push().success)
            }
            try await body(fixture, movedOn ? Self.newest : Self.new)
        }
    }

    @Test(
        "the next one brings exactly the newest state, also if that has moved on",
        arguments: 0...steps.count, [true, false])
    func pull(count: Int, movedOn: Bool) async throws {
        try await killed(after: count, knowing: true, movedOn: movedOn) { fixture, expected in
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            let files = try fixture.files("b")
            #expect(files == expected)
            #expect(await fixture.memory("b").workspace.localState.intent() == nil)
        }
    }

    @Test(
        "that was the first one of a machine, the next one does so as well", arguments: 0...steps.count, [true, false])
    func firstPull(count: Int, movedOn: Bool) async throws {
        try await killed(after: count, knowing: false, movedOn: movedOn) { fixture, expected in
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            let files = try fixture.files("b")
            #expect(files == expected)
        }
    }

    @Test("a push saves nothing that is older than the newest state", arguments: 0...steps.count, [true, false])
    func push(count: Int, movedOn: Bool) async throws {
        try await killed(after: count, knowing: true, movedOn: movedOn) { fixture, expected in
            let push = await fixture.memory("b").push()
            #expect(push.success, "\(push)")
            #expect(push.mergeConflicts == [])
            #expect(await fixture.memory("c").pull().success)
            let files = try fixture.files("c")
            #expect(files == expected)
        }
    }

    @Test("what was changed here meanwhile is not lost")
    func changedHere() async throws {
        try await killed(after: Self.steps.count, knowing: true, movedOn: true) { fixture, _ in
            try fixture.write(["both": "mine"], on: "b")
            let before = try fixture.files("b")
            let pull = await fixture.memory("b").pull()
            #expect(pull.conflicts == ["both"])
            let files = try fixture.files("b")
            #expect(files == before)
        }
    }
}
