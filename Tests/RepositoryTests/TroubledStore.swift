import NIOConcurrencyHelpers
import ObjectStore

/// A store in memory that lists some objects and does not hand them out.
struct TroubledStore: ObjectStore {
    let base = MemoryObjectStore()
    /// What a read of an object says; `notFound` for one that is listed and gone.
    let troubles = NIOLockedValueBox<[ObjectKey: StoreError.Kind]>([:])

    func trouble(_ key: ObjectKey, _ kind: StoreError.Kind?) { troubles.withLockedValue { $0[key] = kind } }

    private func check(_ key: ObjectKey, _ verb: String) throws(StoreError) {
        guard let kind = troubles.withLockedValue({ $0[key] }) else { return }
        throw StoreError(kind, verb, key: key, "the test says so")
    }

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try check(key, "read")
        return try await base.get(key, range: range, ifMatch: ifMatch)
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        try check(key, "look at")
        return try await base.head(key)
    }
    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try await base.page(prefix: prefix, after: token, limit: limit)
    }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try await base.put(key, body, rule)
    }
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await base.delete(keys) }
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try check(object.key, "compare")
        return try await base.holds(body, as: object)
    }
}
