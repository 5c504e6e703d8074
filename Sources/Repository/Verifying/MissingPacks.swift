import FileIO
import ObjectStore

extension Repository {
    /// The packs of a snapshot that the store does not have in their size, by one listing.
    /// - Throws: ``StoreError``.
    public func missingPacks(of manifest: Manifest) async throws -> [ObjectKey] {
        var sizes: [Digest: Int64] = [:]
        for object in try await store.list(prefix: packPrefix).collect() {
            if let pack = pack(named: object.key) { sizes[pack] = object.size }
        }
        return manifest.packSizes.filter { sizes[$0.key] != $0.value }.map { key(ofPack: $0.key) }.sorted()
    }
}
