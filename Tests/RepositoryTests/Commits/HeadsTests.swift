import ObjectStore
import Testing

@testable import Repository

@Suite("Which snapshots are the newest")
struct HeadsTests {
    private func seen(_ graph: CommitGraph) async throws -> (heads: [CommitName], unproven: [CommitName]) {
        let heads = try await graph.repository.heads()
        return (heads.snapshots.map(\.name), heads.unproven)
    }

    @Test("A side commit is none, whether a head names it or not")
    func sides() async throws {
        let graph = try await CommitGraph()
        let named = try await graph.add(2, nonce: "b", parents: [graph.first]) { $0.isSide = true }
        try await graph.add(2, nonce: "c", parents: [graph.first]) { $0.isSide = true }
        let merge = try await graph.add(3, parents: [graph.first], sides: [named])
        #expect(try await seen(graph).heads == [merge.name])
        try await graph.remove(merge)
        #expect(try await seen(graph).heads == [graph.first.name])
        // Where nothing else is left, it is better than nothing.
        try await graph.remove(graph.first)
        #expect(try await seen(graph).heads == [named.name])
    }

    @Test("A side commit does not take the place of a damaged merge")
    func damagedMerge() async throws {
        let graph = try await CommitGraph()
        let side = try await graph.add(2, nonce: "b", parents: [graph.first]) { $0.isSide = true }
        let merge = try await graph.add(3, parents: [graph.first], sides: [side])
        let newest = try await graph.repository.newest(excluding: [merge.name: "for the test"])
        #expect(newest.heads.snapshots.map(\.name) == [graph.first.name])
        #expect(newest.heads.damaged.map(\.id) == [merge.id])
    }

    @Test(
        "A commit below the 100 ancestors that the head names is not hidden: it is unknown whether the head contains it"
    )
    func belowHorizon() async throws {
        let graph = try await CommitGraph()
        let fork = try await graph.add(20, nonce: "b", parents: [graph.first])
        let chain = try await graph.chain(2...125, after: graph.first)
        // One listing shows 100 keys: the fork is among them where some of the chain are gone.
        for older in [graph.first] + chain.prefix(27) { try await graph.remove(older) }
        #expect(chain.last?.commit.horizon == 25)
        let (heads, unproven) = try await seen(graph)
        #expect(heads == [chain.last?.name])
        #expect(unproven == [fork.name])
        // It is no damage, a save leaves it as it is, and a prune does not take it.
        let saved = try await graph.save(["new"])
        #expect(saved.commit.passedOver == [])
        #expect(try await seen(graph).unproven == [fork.name])
        let report = try await graph.repository.prune(PrunePolicy(keepLast: 1, keepWithin: .zero, grace: .zero))
        #expect(report.failures.contains { $0.contains("\(fork.name)") })
        #expect(try await seen(graph).unproven == [fork.name])
    }

    @Test(
        "Of a commit that no list reaches it is told whether it is a head, or that this is unknown",
        arguments: [true, false])
    func unlisted(isProven: Bool) async throws {
        let graph = try await CommitGraph()
        // Lists that are short stand for long ones.
        var chain: [Snapshot] = []
        for number in UInt64(2)...8 {
            let parent = chain.last ?? graph.first
            chain.append(try await graph.add(number, parents: [parent], ancestors: [parent]))
        }
        let fork = try await graph.add(3, nonce: "b", parents: [graph.first], ancestors: [graph.first])
        if !isProven { try await graph.remove(chain[3]) }
        let (heads, unproven) = try await seen(graph)
        let head = chain[6].name
        if isProven {
            #expect(heads == [head, fork.name])
            #expect(unproven.isEmpty)
        } else {
            #expect(heads == [head])
            // Also the commits of the chain, to which no hash leads any more.
            #expect(Set(unproven) == Set(([fork, graph.first] + chain[0...2]).map(\.name)))
        }
    }

    @Test("A commit that was passed over comes back once it can be read, and is damaged until then")
    func repaired() async throws {
        let graph = try await CommitGraph()
        let lost = try await graph.add(2, nonce: "b", parents: [graph.first])
        try await graph.damage(lost)
        let saved = try await graph.save(["new"])
        #expect(saved.commit.passedOver == [Commit.PassedOver(name: lost.name, reason: .damaged, id: nil)])
        #expect(!saved.commit.namedCommits.contains(lost.name))
        let heads = try await graph.repository.heads()
        #expect(heads.snapshots.map(\.name) == [saved.name])
        #expect(heads.damaged.map(\.name) == [lost.name])
        try await graph.restore(lost)
        #expect(try await seen(graph).heads == [saved.name, lost.name])
        let merge = try await graph.save(["newer"])
        #expect(merge.commit.parents == [saved.reference, lost.reference])
        #expect(merge.commit.passedOver == [])
    }

    @Test("A save onto a memory of format 1 names what is proven, so that nothing old is looked at again")
    func migration() async throws {
        let graph = try await CommitGraph(format: 1)
        let fork = try await graph.add(2, nonce: "b", parents: [graph.first], format: 1)
        let chain = try await graph.chain(2...120, after: graph.first, format: 1)
        let merged = try await graph.add(121, parents: [chain[118], fork], format: 1)
        let saved = try await graph.save(["new"])
        #expect(saved.commit.format == 2)
        #expect(saved.commit.ancestors.count == 100)
        #expect(saved.commit.ancestors.map(\.name).first == merged.name)
        #expect(saved.commit.ancestors.allSatisfy { $0.hash != nil })
        let meter = TransferMeter()
        let copy = MemoryObjectStore(meter: meter)
        for object in try await graph.store.list(prefix: "").collect() {
            let bytes = try await graph.store.get(object.key).collect(upTo: 1 << 24)
            try await copy.put(object.key, .bytes(bytes), .overwrite)
        }
        let repository = Repository(
            store: copy, memory: "memory", repository: "owner/repo", agent: "local", logger: graph.repository.logger)
        let before = meter.now.requests
        #expect(try await repository.heads().snapshots.map(\.name) == [saved.name])
        #expect(meter.now.requests == before + 2)
    }

    @Test("What format 1 had passed over is not contained in the next commit, and is said to be damaged")
    func passedOverInFormat1() async throws {
        let graph = try await CommitGraph(format: 1)
        let lost = try await graph.add(2, nonce: "b", parents: [graph.first], format: 1)
        try await graph.add(3, parents: [graph.first], format: 1, ancestors: [lost, graph.first])
        try await graph.damage(lost)
        #expect(try await graph.repository.heads().damaged.isEmpty)
        let saved = try await graph.save(["new"])
        #expect(!saved.commit.namedCommits.contains(lost.name))
        #expect(try await graph.repository.heads().damaged.map(\.name) == [lost.name])
    }
}
