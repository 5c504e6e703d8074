import FileIO
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Repository

@Suite("A history that somebody has forged")
struct HostileHistoryTests {
    @Test("Commits that name each other as parents are damaged, and no walk along them goes round")
    func cycle() async throws {
        var memory = ForgedMemory()
        try await memory.write()
        let first = try #require(try await memory.repository.heads().tip)
        // Hashes make a real circle impossible; names alone do not.
        let names = (2...5).map { CommitName(sequence: UInt64($0)) }
        for (name, next) in zip(names, names.dropFirst() + names.prefix(1)) {
            let parent = Commit.Reference(name: next, id: first.id)
            let commit = Commit.forged(
                sequence: name.sequence, parents: [parent], ancestors: [Commit.Ancestor(parent)],
                manifest: first.commit.manifest)
            try await memory.put(commit, as: name)
        }
        // The one with the highest number names one that is truly older, and so contains it. The others are refused.
        let heads = try await memory.repository.heads()
        #expect(heads.damaged.map(\.name) == [names[2], names[1]])
        let history = try await memory.repository.history()
        #expect(history.snapshots.map(\.name) == [names[3], first.name])
        #expect(history.damaged.count == 3)
        let tip = try #require(heads.tip)
        #expect(try await memory.repository.parents(of: tip) == [])
    }

    @Test("A commit that names itself or a newer one is damaged", arguments: [2, 3, UInt64(1) << 62] as [UInt64])
    func newer(_ sequence: UInt64) async throws {
        var memory = ForgedMemory()
        try await memory.write()
        let first = try #require(try await memory.repository.heads().tip)
        let parent = Commit.Reference(name: CommitName(sequence: sequence), id: first.id)
        for commit in [
            Commit.forged(sequence: 2, parents: [parent], manifest: first.commit.manifest),
            Commit.forged(sequence: 2, sides: [parent], manifest: first.commit.manifest),
            Commit.forged(sequence: 2, ancestors: [Commit.Ancestor(parent)], manifest: first.commit.manifest),
        ] {
            try await memory.put(commit, as: CommitName(sequence: 2))
            let heads = try await memory.repository.heads()
            #expect(heads.snapshots == [first])
            #expect(heads.damaged.map(\.name) == [CommitName(sequence: 2)])
        }
    }

    @Test("A commit that is too long, no JSON, empty, or another's is damaged, and the one before is found")
    func damaged() async throws {
        var memory = ForgedMemory()
        try await memory.write()
        let first = try #require(try await memory.repository.heads().tip)
        let name = CommitName(sequence: 2)
        for bytes in [
            ByteBuffer(), ByteBuffer(string: "{}"), ByteBuffer(repeating: 0x20, count: Commit.maxLength + 1),
            ByteBuffer(repeating: 0, count: 100), first.bytes,
        ] {
            try await memory.store.put(memory.repository.key(of: name), .bytes(bytes), .overwrite)
            let heads = try await memory.repository.heads()
            #expect(heads.tip == first)
            #expect(heads.damaged.map(\.name) == [name])
        }
    }

    @Test(
        "An object with a number that leaves no room for another does not end saving",
        arguments: [
            "00000000000000000000", "00000000000000000001", "00000000000000000000-" + String(repeating: "a", count: 32),
        ])
    func highest(_ name: String) async throws {
        let store = MemoryObjectStore()
        var machine = Machine(store)
        machine.write("a", "1")
        try await machine.save()
        for content in [ByteBuffer(string: "junk"), try await machine.repository.heads().tip?.bytes ?? ByteBuffer()] {
            let key = ObjectKey("\(machine.repository.commitPrefix)\(name)")
            try await store.put(key, .bytes(content), .overwrite)
            machine.write("a", "\(content.readableBytes)")
            try await machine.save()
            var other = Machine(store)
            try await other.restore()
            #expect(other.files == machine.files)
        }
    }

    @Test("A commit with the highest number of all is read, and the next save says what is wrong")
    func last() async throws {
        let store = MemoryObjectStore()
        var machine = Machine(store)
        machine.write("a", "1")
        let first = try await machine.save().snapshot
        let commit = Commit.forged(
            sequence: CommitName.highest, agent: "github", parents: [first.reference],
            ancestors: [Commit.Ancestor(first.reference)], manifest: first.commit.manifest)
        let name = CommitName(sequence: CommitName.highest)
        try await store.put(machine.repository.key(of: name), .bytes(commit.encode()), .overwrite)
        #expect(try await machine.repository.newest().tip?.name == name)
        machine.write("a", "2")
        let error = await #expect(throws: RepositoryError.self) { try await machine.save() }
        #expect(error?.kind == .damaged)
        #expect(error?.key == machine.repository.key(of: name))
    }
}
