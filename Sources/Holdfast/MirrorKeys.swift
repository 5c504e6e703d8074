import FileIO
import ObjectStore

extension MemoryLocation {
    /// The key that the mirror view has for a file.
    func mirrorKey(_ path: String) -> ObjectKey { ObjectKey(mirrorPrefix + path) }

    /// The path below the storage directory that a key of the mirror view asks for. It is the store's choice: hostile.
    func mirroredPath(_ key: ObjectKey) -> [UInt8] { Array(key.utf8.dropFirst(mirrorPrefix.utf8.count)) }

    /// Whether a key of the mirror view is that of a file, and not the marker of a folder or another tool's.
    func isMirroredFile(_ key: ObjectKey) -> Bool { RelativePath(mirroredPath(key)) != nil }
}

extension Workspace {
    /// All objects of the mirror view: one for each file, under the keys of RFC-019 §3.
    func mirrorObjects() async throws(StoreError) -> [ObjectInfo] {
        try await store.list(prefix: location.mirrorPrefix).collect()
    }
}
