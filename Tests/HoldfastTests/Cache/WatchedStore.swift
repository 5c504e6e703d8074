import Basics
import NIOConcurrencyHelpers
import ObjectStore

/// A store in memory that writes down what it is asked, and fails as a test wants it to.
final class WatchedStore: ObjectStore {
    private struct State: Sendable {
        var calls: [String] = []
        var failure: StoreError.Kind?
        var failsWrites = false
    }

    private let store = MemoryObjectStore()
    private let state = NIOLockedValueBox(State())

    /// How often it was asked since the last ``takeCalls()``.
    var callCount: Int { state.withLockedValue { $0.calls.count } }

    /// What was asked since the last time: `list`, `get commits/…`, `put packs/…`.
    func takeCalls() -> [String] {
        state.withLockedValue { state in
            defer { state.calls = [] }
            return state.calls
        }
    }

    /// All requests fail from now on, or none.
    func fail(_ kind: StoreError.Kind?, writesOnly: Bool = false) {
        state.withLockedValue { ($0.failure, $0.failsWrites) = (kind, writesOnly) }
    }

    /// - Parameter name: the part of the key behind that of the memory.
    func replace(_ key: ObjectKey, _ change: (ObjectBody) -> ObjectBody) async throws {
        let content = try await store.get(key).collect(upTo: 1 << 24)
        try await store.put(key, change(.bytes(content)), .overwrite)
    }

    func keys() async throws -> [ObjectKey] { try await store.list(prefix: "").collect().map(\.key) }

    private func note(_ operation: String, _ key: String, isWrite: Bool = false) throws(StoreError) {
        let name = key.split(separator: "/", maxSplits: 3).last.map(String.init) ?? key
        let failure: StoreError.Kind? = state.withLockedValue { state in
            state.calls.append("\(operation) \(name)")
            return state.failsWrites && !isWrite ? nil : state.failure
        }
        if let failure { throw StoreError(failure, operation, key: ObjectKey(key), "fails because a test wants it to") }
    }

    var capabilities: StoreCapabilities { store.capabilities }
    let location = "watched"

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try note("get", key.text)
        return try await store.get(key, range: range, ifMatch: ifMatch)
    }

    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        try note("head", key.text)
        return try await store.head(key)
    }

    @discardableResult
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try note("put", key.text, isWrite: true)
        return try await store.put(key, body, rule)
    }

    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try note("list", prefix)
        return try await store.page(prefix: prefix, after: token, limit: limit)
    }

    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        try note("delete", keys.first?.text ?? "", isWrite: true)
        return try await store.delete(keys)
    }

    /// Costs no request, as on S3, where the tag of a listing tells.
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try await store.holds(body, as: object)
    }
}
