import AgentDatabase
import AgentFiles
import FileIO
import Repository

/// How a storage directory stands to the newest snapshot.
public struct MemoryStatus: Sendable {
    public let newest: Newest
    /// The snapshot that this machine was synchronised with last, as far as it remembers.
    public let synchronised: Snapshot?
    /// Whether the store has something that came after ``synchronised``; `nil` if that is not known.
    public let isNewerInStore: Bool?
    /// The files that are here.
    public let scan: StorageScan
    /// From the newest snapshot to what is here. Without a snapshot, everything is added.
    public let difference: Difference
}

extension Memory {
    /// Compares the storage directory with the newest snapshot; changes nothing.
    ///
    /// Files that the exclusions leave out here are left out there as well. Only files that may be the same and that the
    /// index does not know are read.
    /// - Throws: ``StoreError``, ``RepositoryError``, ``FileError``, `CancellationError`.
    public func status() async throws -> MemoryStatus {
        let base = await localState.read()
        var known: [(snapshot: Snapshot, manifest: Manifest)] = []
        if let base, let manifest = await localState.manifest(of: base.snapshot) { known = [(base.snapshot, manifest)] }
        let newest = try await repository.newest(known: known)
        let scan = try await StorageScan.scan(options.storage, exclusions: options.exclusions)
        let entries = (newest.manifest?.entries ?? []).filter { options.exclusions.rule(for: $0.path) == nil }
        let digests = try await LocalDigests(storage: options.storage, base: base).digests(of: scan.files, for: entries)
        let local = scan.files.map { file in
            FileFacts(
                path: file.path, modified: file.status.modified, size: file.status.size,
                // No content has it: a file that did not need to be read differs from the stored one.
                digest: digests[file.path] ?? .zero)
        }
        let databases = try await databases().databases.compactMap { database in
            DatabaseEntries.path(of: database.name).map { path in
                let known = base?.index.matches(database) == true ? base?.index.entry(path) : nil
                return FileFacts(
                    path: path, modified: database.modified, size: known?.size ?? database.size,
                    digest: known?.sha256 ?? .zero)
            }
        }
        var isNewer: Bool?
        if let base, let tip = newest.tip {
            isNewer = tip.id != base.snapshot.id
            if case .newer = try await repository.lineage(of: base.snapshot, to: newest.heads) { isNewer = false }
        }
        return MemoryStatus(
            newest: newest, synchronised: base?.snapshot, isNewerInStore: isNewer, scan: scan,
            difference: Difference(from: entries.map(\.facts), to: (local + databases).sorted { $0.path < $1.path }))
    }
}
