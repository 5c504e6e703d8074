import AgentFiles
import FileIO
import Logging
import ObjectStore

extension Mirror {
    /// The objects of the mirror, by their path below the storage directory.
    func remoteObjects() async throws(StoreError) -> [ObjectKey: ObjectInfo] {
        var found: [ObjectKey: ObjectInfo] = [:]
        for object in try await store.list(prefix: location.mirrorPrefix).collect() { found[object.key] = object }
        return found
    }

    func remember(_ files: [SyncedFile], keeping kept: [SyncBaseFile.Entry] = []) async {
        guard let base else { return }
        do { try await base.write(files, keeping: kept) } catch {
            // Losing this costs a question on the next pull, no data.
            logger.warning("Could not remember what was synchronised", metadata: ["error": "\(error)"])
        }
    }
}

/// A file that is the same here and in the store.
struct SyncedFile: Sendable {
    let path: String
    let status: FileStatus
    let etag: ETag?
    /// In hex, if the content was in memory.
    let sha256: String?
    var wasTransferred = false
}
