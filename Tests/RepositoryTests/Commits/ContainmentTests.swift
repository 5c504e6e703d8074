import ObjectStore
import Testing

@testable import Repository

@Suite("What a commit contains")
struct ContainmentTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: Containment
        /// Makes two commits; the question is whether the second contains the first.
        let make: @Sendable (CommitGraph) async throws -> (Snapshot, Snapshot)

        static let all = [
            Case(testDescription: "a commit itself", expected: .contained) { ($0.first, $0.first) },
            Case(testDescription: "a parent", expected: .contained) { graph in
                (graph.first, try await graph.add(2, parents: [graph.first], ancestors: []))
            },
            Case(testDescription: "a side", expected: .contained) { graph in
                let side = try await graph.add(1, nonce: "b") { $0.isSide = true }
                return (side, try await graph.add(2, parents: [graph.first], sides: [side], ancestors: []))
            },
            Case(testDescription: "an ancestor, although all between are gone", expected: .contained) { graph in
                let chain = try await graph.chain(2...5, after: graph.first)
                try await graph.remove(chain[0], chain[1], chain[2])
                return (graph.first, chain[3])
            },
            Case(testDescription: "a grandparent that no list names", expected: .contained) { graph in
                let parent = try await graph.add(2, parents: [graph.first], ancestors: [])
                return (graph.first, try await graph.add(3, parents: [parent], ancestors: []))
            },
            Case(testDescription: "the parent of a side that no list names", expected: .contained) { graph in
                let side = try await graph.add(2, nonce: "b", parents: [graph.first], ancestors: []) {
                    $0.isSide = true
                }
                return (graph.first, try await graph.add(3, sides: [side], ancestors: []))
            },
            Case(testDescription: "a fork", expected: .notContained) { graph in
                let fork = try await graph.add(2, nonce: "b", parents: [graph.first])
                return (fork, try await graph.chain(2...4, after: graph.first)[2])
            },
            Case(testDescription: "a fork that was passed over", expected: .notContained) { graph in
                let fork = try await graph.add(2, nonce: "b", parents: [graph.first])
                return (
                    fork,
                    try await graph.add(3, parents: [graph.first]) {
                        $0.passedOver = [Commit.PassedOver(name: fork.name, reason: .damaged, id: fork.id)]
                    }
                )
            },
            Case(testDescription: "a commit of a higher number", expected: .notContained) { graph in
                (try await graph.add(3, parents: [graph.first]), try await graph.add(2, parents: [graph.first]))
            },
            Case(testDescription: "another commit of the same name", expected: .notContained) { graph in
                let chain = try await graph.chain(2...4, after: graph.first)
                return (try await graph.add(2, parents: [graph.first]) { $0.note = "another" }, chain[2])
            },
            Case(testDescription: "a fork behind a commit that is gone", expected: .unknown) { graph in
                let chain = try await graph.chain(2...5, after: graph.first)
                try await graph.remove(chain[2])
                return (try await graph.add(2, nonce: "b", parents: [graph.first]), chain[3])
            },
            Case(testDescription: "a fork behind a commit that is damaged", expected: .unknown) { graph in
                let chain = try await graph.chain(2...5, after: graph.first)
                try await graph.damage(chain[2])
                return (try await graph.add(2, nonce: "b", parents: [graph.first]), chain[3])
            },
            Case(testDescription: "a fork behind a commit that another has replaced", expected: .unknown) { graph in
                let chain = try await graph.chain(2...5, after: graph.first)
                try await graph.add(4, parents: [graph.first])
                return (try await graph.add(2, nonce: "b", parents: [graph.first]), chain[3])
            },
            Case(testDescription: "a fork that is older than a commit that is gone", expected: .notContained) { graph in
                let chain = try await graph.chain(2...5, after: graph.first)
                try await graph.remove(chain[0], graph.first)
                return (try await graph.add(2, nonce: "b"), chain[3])
            },
            Case(testDescription: "an ancestor of format 1, along its parents", expected: .contained) { graph in
                (graph.first, try await graph.chain(2...40, after: graph.first, format: 1)[38])
            },
            Case(testDescription: "what format 1 names and has passed over", expected: .notContained) { graph in
                let fork = try await graph.add(2, nonce: "b", parents: [graph.first], format: 1)
                return (
                    fork, try await graph.add(3, parents: [graph.first], format: 1, ancestors: [fork, graph.first])
                )
            },
            Case(testDescription: "what format 1 names behind a commit that is gone", expected: .unknown) { graph in
                let chain = try await graph.chain(2...5, after: graph.first, format: 1)
                try await graph.remove(chain[1])
                return (graph.first, chain[3])
            },
            Case(testDescription: "format 2 behind format 1", expected: .contained) { graph in
                let older = try await graph.chain(2...5, after: graph.first, format: 1)
                return (graph.first, try await graph.add(6, parents: [older[3]], ancestors: [older[3]]))
            },
            Case(testDescription: "format 1 behind format 2", expected: .contained) { graph in
                let older = try await graph.chain(2...5, after: graph.first)
                return (graph.first, try await graph.add(6, parents: [older[3]], format: 1))
            },
            Case(testDescription: "a fork after more commits than are read", expected: .unknown) { graph in
                let fork = try await graph.add(2, nonce: "b", parents: [graph.first])
                return (fork, try await graph.chain(2...300, after: graph.first)[298])
            },
        ]
    }

    @Test("It is proven by hashes, disproven by all that was read, or unknown", arguments: Case.all)
    func containment(_ test: Case) async throws {
        let graph = try await CommitGraph()
        let (snapshot, head) = try await test.make(graph)
        #expect(try await graph.repository.containment(of: snapshot, in: head) == test.expected)
    }

    @Test("A commit that the store refuses to hand out is unknown, and no failure")
    func refused() async throws {
        let graph = try await CommitGraph()
        let chain = try await graph.chain(2...5, after: graph.first)
        let fork = try await graph.add(2, nonce: "b", parents: [graph.first])
        let repository = Repository(
            store: RefusingStore(base: graph.store, part: "\(chain[1].name)"), memory: "memory",
            repository: "owner/repo", agent: "local", logger: graph.repository.logger)
        #expect(try await repository.containment(of: fork, in: chain[3]) == .unknown)
    }

    @Test("What is named with its hash costs no request")
    func free() async throws {
        let graph = try await CommitGraph()
        let chain = try await graph.chain(2...50, after: graph.first)
        let repository = Repository(
            store: RefusingStore(base: graph.store, part: "/"), memory: "memory", repository: "owner/repo",
            agent: "local", logger: graph.repository.logger)
        for snapshot in [graph.first] + chain {
            #expect(try await repository.containment(of: snapshot, in: chain[48]) == .contained)
        }
    }
}
