import FileIO
import ObjectStore

extension Repository {
    /// The packs of a snapshot that the store does not have in their size, by one listing.
    /// - Throws: ``StoreError``.
    public func missingPacks(of manifest: Manifest) async throws -> [ObjectKey] {
        let sizes = try await packSizes()
        return manifest.packSizes.filter { sizes[$0.key] != $0.value }.map { key(ofPack: $0.key) }.sorted()
    }
}
