import NIOConcurrencyHelpers
import ObjectStore
import Testing

@testable import Repository

/// What happens between a listing and the requests that follow it: others save, and a prune removes what was listed.
@Suite("A listing that is out of date") struct StaleListingTests {
    /// Three snapshots of which the first is pruned, and a store whose next listing is from before all that.
    private func memory() async throws -> (StaleStore, Machine) {
        let store = StaleStore()
        var machine = Machine(store)
        machine.write("a", "first")
        try await machine.save()
        try await store.rememberListing(of: machine.repository.commitPrefix)
        for content in ["second", "third"] {
            machine.write("a", content)
            try await machine.save()
        }
        _ = try await store.base.delete([machine.repository.key(of: CommitName(sequence: 1))])
        store.isStale.withLockedValue { $0 = true }
        return (store, machine)
    }

    @Test("leads to the newest snapshot, and a pruned one is not called damaged")
    func heads() async throws {
        let (_, machine) = try await memory()
        let heads = try await machine.repository.heads()
        #expect(heads.tip?.commit.seq == 3)
        #expect(heads.damaged.isEmpty)
    }

    @Test("puts no damaged commit into the history")
    func history() async throws {
        let (_, machine) = try await memory()
        #expect(try await machine.repository.history().damaged.isEmpty)
    }

    @Test("does not hide a commit that is listed and cannot be had")
    func unreadable() async throws {
        let (store, machine) = try await memory()
        store.isStale.withLockedValue { $0 = false }
        store.listsOldForever.withLockedValue { $0 = true }
        #expect(try await machine.repository.heads().damaged.map(\.name) == [CommitName(sequence: 1)])
    }
}

/// A store in memory whose listings can be old.
private struct StaleStore: ObjectStore {
    let base = MemoryObjectStore()
    let old = NIOLockedValueBox<ObjectPage?>(nil)
    /// The next listing is the old one.
    let isStale = NIOLockedValueBox(false)
    let listsOldForever = NIOLockedValueBox(false)

    func rememberListing(of prefix: String) async throws {
        let page = try await base.page(prefix: prefix, after: nil, limit: 1000)
        old.withLockedValue { $0 = page }
    }

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }

    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        let isStale = isStale.withLockedValue { stale in
            defer { stale = false }
            return stale
        }
        if isStale || listsOldForever.withLockedValue({ $0 }), let page = old.withLockedValue({ $0 }) { return page }
        return try await base.page(prefix: prefix, after: token, limit: limit)
    }
    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try await base.get(key, range: range, ifMatch: ifMatch)
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await base.head(key) }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try await base.put(key, body, rule)
    }
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await base.delete(keys) }
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try await base.holds(body, as: object)
    }
}
