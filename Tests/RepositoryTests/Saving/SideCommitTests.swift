import FileIO
import ObjectStore
import Testing

@testable import Repository

@Suite("The own state of one side of a merge")
struct SideCommitTests {
    private static let all = PrunePolicy(keepLast: 1, keepWithin: .zero, grace: .zero)

    /// A memory in which a version lost against another one.
    private func conflict() async throws -> (store: MemoryObjectStore, machine: Machine, merge: Snapshot) {
        let store = MemoryObjectStore()
        var one = Machine(store)
        one.write("shared", "as it was")
        try await one.save()
        var two = Machine(store)
        try await two.restore()
        (one.clock, two.clock) = (5_000_000_000, 0)
        one.write("shared", "by one")
        two.write("shared", "by two")
        try await one.save()
        let merge = try await two.save().snapshot
        return (store, two, merge)
    }

    @Test("It is named as a side, not as a parent, and has what it was made from as its parent")
    func shape() async throws {
        let (_, machine, merge) = try await conflict()
        #expect(merge.commit.parents.map(\.name) == [CommitName(sequence: 2)])
        let reference = try #require(merge.commit.sides.first)
        #expect(merge.commit.sides.count == 1)
        #expect(reference.name.nonce != nil)
        #expect(merge.commit.ancestors.contains(Commit.Ancestor(reference)))
        let side = try #require(try await machine.repository.history().snapshots.first { $0.id == reference.id })
        #expect(side.commit.isSide)
        #expect(side.commit.seq == 2)
        #expect(side.commit.parents.map(\.name) == [CommitName(sequence: 1)])
        #expect(side.commit.memory == merge.commit.memory)
        #expect(try await machine.repository.heads().snapshots.map(\.id) == [merge.id])
        let manifest = try await machine.repository.manifest(of: side)
        #expect(try await machine.repository.contents(of: manifest) == ["shared": "by two"])
        #expect(try await machine.repository.verify(readData: true).damages == [])
    }

    @Test("A history without sides has as many of the others as are asked for")
    func history() async throws {
        let (_, machine, merge) = try await conflict()
        func numbers(_ history: History) -> [UInt64] { history.snapshots.map(\.name.sequence) }
        let repository = machine.repository
        #expect(numbers(try await repository.history()) == [3, 2, 2, 1])
        #expect(numbers(try await repository.history(sides: false)) == [3, 2, 1])
        #expect(numbers(try await repository.history(limit: 3, sides: false)) == [3, 2, 1])
        #expect(numbers(try await repository.history(limit: 2, before: 3, sides: false)) == [2, 1])
        // It can be named all the same.
        let side = try #require(merge.commit.sides.first)
        #expect(try await repository.snapshot(named: side.id.hexadecimal).name == side.name)
        #expect(try await repository.snapshot(named: "latest~2").name == CommitName(sequence: 1))
    }

    @Test("A prune counts only the others, and lets a side go after the last commit that names it")
    func prune() async throws {
        var (_, machine, merge) = try await conflict()
        let repository = machine.repository
        let side = try #require(merge.commit.sides.first).name
        func names() async throws -> [CommitName] { try await repository.history().snapshots.map(\.name) }
        var report = try await repository.prune(Self.all)
        #expect(report.keptSnapshots == 1)
        #expect(try await names() == [merge.name, side])
        #expect(try await repository.verify(readData: true).notes == [])
        machine.write("shared", "later")
        let later = try await machine.save().snapshot
        report = try await repository.prune(PrunePolicy(keepLast: 2, keepWithin: .zero, grace: .zero))
        #expect(try await names() == [later.name, merge.name, side])
        report = try await repository.prune(Self.all)
        #expect(report.removedSnapshots == [merge.shortID])
        #expect(try await names() == [later.name, side])
        report = try await repository.prune(Self.all)
        #expect(report.removedSnapshots.count == 1)
        #expect(try await names() == [later.name])
        #expect(try await repository.verify(readData: true).damages == [])
    }

    @Test("One that no commit names goes once it is old")
    func orphan() async throws {
        let graph = try await CommitGraph()
        let orphan = try await graph.add(1, nonce: "b") { $0.isSide = true }
        let young = PrunePolicy(keepLast: 1, keepWithin: .zero, grace: .seconds(3600))
        #expect(try await graph.repository.prune(young).removedSnapshots == [])
        #expect(try await graph.repository.prune(Self.all).removedSnapshots == [orphan.shortID])
    }

    @Test("A side that is none and one that is gone are found; what continues a side alone may call it a parent")
    func verify() async throws {
        let graph = try await CommitGraph()
        let main = try await graph.add(2, nonce: "b", parents: [graph.first])
        let side = try await graph.add(2, nonce: "c", parents: [graph.first]) { $0.isSide = true }
        let gone = try await graph.add(2, nonce: "d", parents: [graph.first]) { $0.isSide = true }
        try await graph.add(3, parents: [graph.first, side], sides: [main, gone])
        try await graph.remove(gone)
        let report = try await graph.repository.verify()
        let wrong = report.damages.filter { $0.reason.contains("calls it") }.map(\.key)
        #expect(wrong == [graph.repository.key(of: main.name)])
        #expect(report.notes.contains { $0.contains(gone.shortID) })
    }

    @Test("Of versions of one time, the same one wins on whichever side it is")
    func ties() async throws {
        var winners: Set<String> = []
        for order in [["x", "y"], ["y", "x"]] {
            let store = MemoryObjectStore()
            var one = Machine(store)
            one.write("shared", "as it was")
            try await one.save()
            var two = Machine(store)
            try await two.restore()
            (one.clock, two.clock) = (5_000_000_000, 5_000_000_000)
            one.write("shared", order[0])
            two.write("shared", order[1])
            try await one.save()
            try await two.save()
            winners.insert(try #require(two.files["shared"]))
        }
        // The SHA-256 of "y" begins with a1, that of "x" with 2d.
        #expect(winners == ["x"])
    }
}
