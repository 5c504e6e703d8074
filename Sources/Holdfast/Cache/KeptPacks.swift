import FileIO
import NIOConcurrencyHelpers
import ObjectStore
import Repository

/// A store that keeps a copy of each pack that is written to it, so that the copy for the cache need not fetch them again.
final class KeptPacks: ObjectStore {
    private let store: any ObjectStore
    private let copies: FileObjectStore
    private let kept = NIOLockedValueBox<Set<Digest>>([])

    /// - Parameter copies: where the copies go, under the same keys.
    init(_ store: any ObjectStore, copies: FileObjectStore) {
        self.store = store
        self.copies = copies
    }

    /// The packs whose copies are whole.
    var packs: Set<Digest> { kept.withLockedValue { $0 } }

    @discardableResult
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        let info = try await store.put(key, body, rule)
        // Without a copy it is fetched again.
        if let pack = Self.pack(key), (try? await copies.put(key, body, .overwrite)) != nil {
            kept.withLockedValue { _ = $0.insert(pack) }
        }
        return info
    }

    /// The pack of a key `…/packs/{aa}/{sha256}`.
    private static func pack(_ key: ObjectKey) -> Digest? {
        let parts = key.text.split(separator: "/")
        guard parts.count >= 3, parts[parts.count - 3] == "packs" else { return nil }
        return Digest(hex: String(parts[parts.count - 1]))
    }

    var capabilities: StoreCapabilities { store.capabilities }
    var location: String { store.location }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try await store.get(key, range: range, ifMatch: ifMatch)
    }

    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo { try await store.head(key) }

    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try await store.page(prefix: prefix, after: token, limit: limit)
    }

    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] { try await store.delete(keys) }

    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try await store.holds(body, as: object)
    }
}
