import FileIO
import ObjectStore
import Testing

@testable import Repository

@Suite("How a remembered snapshot stands to the newest")
struct LineageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: Lineage
        /// Changes the store and returns what the machine remembers.
        let make: @Sendable (CommitGraph) async throws -> Snapshot

        static let all = [
            Case(testDescription: "the newest", expected: .contained) { try await $0.add(2, parents: [$0.first]) },
            Case(testDescription: "an ancestor", expected: .contained) { graph in
                _ = try await graph.chain(2...60, after: graph.first)
                return graph.first
            },
            Case(testDescription: "an ancestor by the names of format 1", expected: .contained) { graph in
                _ = try await graph.chain(2...60, after: graph.first, format: 1)
                return graph.first
            },
            Case(testDescription: "the other of two heads", expected: .contained) { graph in
                _ = try await graph.add(2, nonce: "b", parents: [graph.first])
                return try await graph.add(2, nonce: "c", parents: [graph.first])
            },
            Case(testDescription: "a commit that the store lost", expected: .newer) { graph in
                let chain = try await graph.chain(2...5, after: graph.first)
                try await graph.remove(chain[3], chain[2])
                return chain[3]
            },
            Case(testDescription: "a commit of format 1 that the store lost", expected: .newer) { graph in
                let chain = try await graph.chain(2...5, after: graph.first, format: 1)
                try await graph.remove(chain[3])
                return chain[3]
            },
            Case(testDescription: "a commit that is pruned with all that is as old", expected: .pruned) { graph in
                let chain = try await graph.chain(2...150, after: graph.first)
                for old in [graph.first] + chain.prefix(140) { try await graph.remove(old) }
                return chain[3]
            },
            Case(testDescription: "the same beside an older side commit that is still needed", expected: .pruned) {
                graph in
                let chain = try await graph.chain(2...110, after: graph.first)
                let side = try await graph.add(3, nonce: "b", parents: [graph.first]) { $0.isSide = true }
                try await graph.add(111, parents: [chain[108]], sides: [side])
                for old in [graph.first] + chain.prefix(105) { try await graph.remove(old) }
                return chain[3]
            },
            Case(testDescription: "a commit that is gone while an older one is left", expected: .unknown) { graph in
                let chain = try await graph.chain(2...150, after: graph.first)
                for old in chain.prefix(140) { try await graph.remove(old) }
                return chain[3]
            },
            Case(testDescription: "a commit that is gone while one as old is left", expected: .unknown) { graph in
                let chain = try await graph.chain(2...150, after: graph.first)
                try await graph.add(5, nonce: "b", parents: [graph.first])
                for old in [graph.first] + chain.prefix(140) { try await graph.remove(old) }
                return chain[3]
            },
            Case(testDescription: "a commit of format 1 that is pruned", expected: .unknown) { graph in
                let chain = try await graph.chain(2...150, after: graph.first, format: 1)
                for old in [graph.first] + chain.prefix(140) { try await graph.remove(old) }
                return chain[3]
            },
            Case(testDescription: "a commit of a bucket that was put back", expected: .unrelated) { graph in
                // It knows 2 to 4; the store was put back to 1 and went on from there.
                let lost = try await graph.chain(2...4, after: graph.first)
                for commit in lost { try await graph.remove(commit) }
                let again = try await graph.add(2, nonce: "b", parents: [graph.first])
                try await graph.add(3, nonce: "b", parents: [again])
                return lost[2]
            },
            Case(testDescription: "the same with numbers that are taken again, and pruned since", expected: .unknown) {
                graph in
                let lost = try await graph.chain(2...4, after: graph.first)
                for commit in lost { try await graph.remove(commit) }
                let again = try await graph.add(2, parents: [graph.first]) { $0.note = "again" }
                let later = try await graph.chain(3...8, after: again)
                for old in [graph.first, again] + later.dropLast() { try await graph.remove(old) }
                return lost[2]
            },
            Case(testDescription: "a commit that was passed over", expected: .passedOver) { graph in
                let lost = try await graph.add(2, nonce: "b", parents: [graph.first])
                try await graph.add(3, parents: [graph.first]) {
                    $0.passedOver = [Commit.PassedOver(name: lost.name, reason: .damaged, id: lost.id)]
                }
                try await graph.damage(lost)
                return lost
            },
            Case(testDescription: "a commit that was passed over unread", expected: .passedOver) { graph in
                let lost = try await graph.add(2, nonce: "b", parents: [graph.first])
                try await graph.add(3, parents: [graph.first]) {
                    $0.passedOver = [Commit.PassedOver(name: lost.name, reason: .damaged, id: nil)]
                }
                try await graph.damage(lost)
                return lost
            },
            Case(testDescription: "a commit of another memory", expected: .foreign) { graph in
                let foreign = try await graph.add(2, memory: String(repeating: "f", count: 32))
                try await graph.remove(foreign)
                return foreign
            },
            Case(testDescription: "the first save that lost its memory id to another", expected: .contained) { graph in
                let other = try await graph.add(1, nonce: "b", memory: String(repeating: "f", count: 32))
                try await graph.add(2, parents: [graph.first, other])
                return other
            },
            Case(testDescription: "a commit that does not reach the newest any more", expected: .unknown) { graph in
                let chain = try await graph.chain(2...6, after: graph.first)
                let fork = try await graph.add(3, nonce: "b", parents: [chain[0]])
                try await graph.remove(chain[3], fork)
                try await graph.add(7, parents: [chain[4]])
                return fork
            },
        ]
    }

    @Test("It is told apart by what hashes prove", arguments: Case.all)
    func lineage(_ test: Case) async throws {
        let graph = try await CommitGraph()
        let remembered = try await test.make(graph)
        let heads = try await graph.repository.heads()
        #expect(try await graph.repository.lineage(of: remembered, to: heads) == test.expected)
    }

    @Test("What only another head contains is no base for the files of the tip")
    func tipOnly() async throws {
        let graph = try await CommitGraph()
        let heads = [
            try await graph.add(2, nonce: "b", parents: [graph.first]),
            try await graph.add(2, nonce: "c", parents: [graph.first]),
        ]
        let tip = try await graph.repository.heads().tipOnly
        #expect(tip.snapshots.map(\.id) == [heads[0].id])
        #expect(try await graph.repository.lineage(of: heads[0], to: tip) == .contained)
        #expect(try await graph.repository.lineage(of: heads[1], to: tip) == .unrelated)
    }

    @Test("Only what is contained or pruned is a base, and all else but what is newer is explained")
    func base() {
        let all: [Lineage] = [.contained, .newer, .pruned, .passedOver, .foreign, .unknown, .unrelated]
        #expect(all.filter(\.isBase) == [.contained, .pruned])
        #expect(all.filter { $0.doubt == nil } == [.contained, .newer, .pruned])
    }

    @Test(
        "A file that is gone here goes from the newest snapshot after the base was pruned, and not if that is unknown",
        arguments: [true, false])
    func deletion(isPruned: Bool) async throws {
        let store = MemoryObjectStore()
        var machine = Machine(store)
        machine.write("kept", "1")
        machine.write("gone", "1")
        try await machine.save()
        var other = Machine(store)
        try await other.restore()
        for round in 0..<110 {
            other.write("other", "\(round)")
            try await other.save()
        }
        let repository = machine.repository
        let old = try await repository.history().snapshots.dropFirst(4)
        for snapshot in old where isPruned || snapshot.commit.seq != 1 {
            _ = try await store.delete([repository.key(of: snapshot.name)])
        }
        if !isPruned { _ = try await store.delete([repository.key(of: CommitName(sequence: 1))]) }
        // Something as old is left, so the commits between did not go by a prune.
        if !isPruned {
            let left = try #require(old.last { $0.commit.seq == 1 })
            try await store.put(
                repository.key(of: CommitName(sequence: 1, nonce: left.commit.nonce)), .bytes(left.bytes), .overwrite)
        }
        machine.files["gone"] = nil
        try await machine.save()
        let newest = try #require(try await repository.newest().manifest)
        #expect((newest.entry(try #require(RelativePath("gone"))) == nil) == isPruned)
        #expect(newest.entry(try #require(RelativePath("other"))) != nil)
    }
}
