import FileIO
import ObjectStore
import Repository
import Testing

@Suite("Saving snapshots") struct SaveTests {
    @Test("brings a state to another machine")
    func roundTrip() async throws {
        let store = MemoryObjectStore()
        var one = Machine(store)
        one.write("session/a.json", "first")
        one.write("session/b.json", "second")
        one.write("empty", "")
        let saved = try await one.save()
        #expect(saved.isNew)
        #expect(saved.snapshot.commit.files == 3)
        var two = Machine(store)
        try await two.restore()
        #expect(two.files == one.files)
    }

    @Test("makes no commit where nothing changed")
    func unchanged() async throws {
        var one = Machine(MemoryObjectStore())
        one.write("a", "first")
        let first = try await one.save()
        let second = try await one.save()
        #expect(!second.isNew)
        #expect(second.snapshot.id == first.snapshot.id)
    }

    @Test("merges two machines that changed different files")
    func mergesFiles() async throws {
        let store = MemoryObjectStore()
        var one = Machine(store)
        one.write("shared", "as it was")
        one.write("removed", "soon")
        try await one.save()
        var two = Machine(store)
        try await two.restore()
        one.write("one", "1")
        one.files["removed"] = nil
        two.write("two", "2")
        try await one.save()
        let merged = try await two.save()
        #expect(merged.isMerged)
        #expect(merged.conflicts.isEmpty)
        #expect(two.files == ["shared": "as it was", "one": "1", "two": "2"])
    }

    @Test("keeps the older version of a file that changed on both sides as a second parent", arguments: [false, true])
    func conflict(secondIsNewer: Bool) async throws {
        let store = MemoryObjectStore()
        var one = Machine(store)
        one.write("shared", "as it was")
        try await one.save()
        var two = Machine(store)
        try await two.restore()
        two.clock = secondIsNewer ? 9_000_000_000 : 0
        one.clock = 5_000_000_000
        one.write("shared", "by one")
        two.write("shared", "by two")
        two.write("new", "by two")
        try await one.save()
        let merged = try await two.save()
        #expect(merged.conflicts.map(\.description) == ["shared"])
        #expect(two.files == ["shared": secondIsNewer ? "by two" : "by one", "new": "by two"])
        var versions: Set<String> = []
        for snapshot in try await two.repository.history().snapshots {
            let manifest = try await two.repository.manifest(of: snapshot)
            versions.insert(try await two.repository.contents(of: manifest)["shared"] ?? "")
        }
        #expect(versions == ["as it was", "by one", "by two"])
        #expect(try await two.repository.heads().snapshots.map(\.id) == [merged.snapshot.id])
    }
}
