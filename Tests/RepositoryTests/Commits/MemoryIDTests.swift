import NIOCore
import ObjectStore
import Testing

@testable import Repository

@Suite("Whose commit it is")
struct MemoryIDTests {
    @Test("The first save draws a memory id, and every other has that of its first parent")
    func inherited() async throws {
        var one = Machine(MemoryObjectStore())
        one.write("a", "1")
        let first = try await one.save().snapshot.commit
        #expect(isHex(try #require(first.memory), digits: 32))
        #expect(first.memory != first.nonce)
        one.write("a", "2")
        #expect(try await one.save().snapshot.commit.memory == first.memory)
        var other = Machine(MemoryObjectStore())
        other.write("a", "1")
        #expect(try await other.save().snapshot.commit.memory != first.memory)
    }

    @Test("Of two first saves, the id of the chain with the newest snapshot stays")
    func twoFirstSaves() async throws {
        let graph = try await CommitGraph()
        let other = try await graph.add(1, nonce: "b", memory: String(repeating: "b", count: 32))
        let longer = try await graph.add(2, parents: [other], memory: String(repeating: "b", count: 32))
        let merge = try await graph.save()
        #expect(merge.commit.parents == [longer, graph.first].map(\.reference))
        #expect(merge.commit.memory == longer.commit.memory)
    }

    @Test(
        "A commit of format 1 belongs to the memory of its parents; where none has an id, the next save draws one",
        arguments: [1, 2])
    func format1(_ format: Int) async throws {
        let graph = try await CommitGraph(format: format)
        let chain = try await graph.chain(2...30, after: graph.first, format: 1)
        let saved = try await graph.save(["new"]).commit
        #expect(saved.parents == [chain[28].reference])
        if format == 2 {
            #expect(saved.memory == graph.memoryID)
        } else {
            #expect(saved.memory != graph.memoryID)
            #expect(saved.memory.map { isHex($0, digits: 32) } == true)
        }
        #expect(try await graph.save(["newer"]).commit.memory == saved.memory)
    }

    /// Another agent or repository, and what must be said.
    struct Owner: Sendable, CustomTestStringConvertible {
        let agent: String
        let repository: String
        let words: [String]
        var testDescription: String { "\(agent) \(repository)" }

        static let strangers = [
            Owner(agent: "local", repository: "owner/rep0", words: ["'owner/repo'", "'owner/rep0'"]),
            Owner(agent: "github", repository: "owner/repo", words: ["'local'", "'github'"]),
            Owner(agent: "Local", repository: "owner/repo", words: ["'local'", "'Local'"]),
        ]
    }

    private func open(_ graph: CommitGraph, _ owner: Owner) -> Repository {
        Repository(
            store: graph.store, memory: "memory", repository: owner.repository, agent: owner.agent,
            logger: graph.repository.logger)
    }

    @Test(
        "Another agent or repository is an error that names both, wherever a commit is read", arguments: Owner.strangers
    )
    func stranger(_ owner: Owner) async throws {
        let graph = try await CommitGraph()
        let tip = try await graph.add(2, parents: [graph.first], ancestors: [])
        let repository = open(graph, owner)
        let reads: [@Sendable () async throws -> Void] = [
            { _ = try await repository.heads() }, { _ = try await repository.heads(known: [tip]) },
            { _ = try await repository.newest() }, { _ = try await repository.history() },
            { _ = try await repository.parents(of: tip) }, { _ = try await repository.snapshot(named: "latest~1") },
            { _ = try await repository.holds(tip) },
            {
                let child = try await graph.add(3, parents: [tip], ancestors: [])
                _ = try await repository.containment(of: graph.first, in: child)
            },
            { _ = try await repository.verify() },
        ]
        for read in reads {
            let error = await #expect(throws: RepositoryError.self) { try await read() }
            #expect(error?.kind == .wrongRepository)
            for word in owner.words { #expect(error?.message.contains(word) == true, "\(String(describing: error))") }
        }
    }

    @Test(
        "The case of ASCII letters of a repository's name does not matter, as for GitHub; other letters do",
        arguments: [("Owner/REPO", true), ("owner/r\u{E9}po", false)])
    func letterCase(_ name: String, _ isSame: Bool) async throws {
        let graph = try await CommitGraph()
        let repository = open(graph, Owner(agent: "local", repository: name, words: []))
        #expect((try? await repository.heads().tip?.id) == (isSame ? graph.first.id : nil))
    }

    @Test("A foreign commit among ours stops a reader and is damage for verify")
    func among() async throws {
        let graph = try await CommitGraph()
        let stored = try await graph.add(2, parents: [graph.first])
        let bytes = String(buffer: stored.bytes).replacing(#""agent":"local""#, with: #""agent":"guest""#)
        try await graph.store.put(graph.repository.key(of: stored.name), .bytes(.init(string: bytes)), .overwrite)
        try await graph.add(3, parents: [graph.first], ancestors: [graph.first])
        let error = await #expect(throws: RepositoryError.self) { try await graph.repository.heads() }
        #expect(error?.kind == .wrongRepository)
        let damage = try await graph.repository.verify().damages
        #expect(damage.contains { $0.key == graph.repository.key(of: stored.name) && $0.reason.contains("'guest'") })
    }
}
