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

/// Compares the storage directory with the newest snapshot; changes nothing.
struct Status: Sendable {
    let workspace: Workspace

    ///
    /// Files that the exclusions leave out here are left out there as well. Only files that may be the same and that the
    /// index does not know are read.
    /// - Throws: ``StoreError``, ``RepositoryError``, ``FileError``, `CancellationError`.
    func run() async throws -> MemoryStatus {
        let exclusions = workspace.exclusions
        let base = await workspace.localState.read()
        let newest = try await workspace.newest(
            nil, base, checking: .otherHeads, unusable: try await workspace.stillDamagedPacks())
        let scan = try await StorageScan.scan(workspace.storage, exclusions: exclusions)
        let entries = (newest.manifest?.entries ?? []).filter { exclusions.rule(for: $0.path) == nil }
        let sizes = Dictionary(entries.map { ($0.path, $0.size) }) { first, _ in first }
        let digests = try await LocalDigests(storage: workspace.storage, known: base?.files).digests(
            of: scan.files, sizes: sizes)
        let local = scan.files.map { file in
            FileFacts(
                path: file.path, modified: file.status.modified, size: file.status.size,
                // No content has it: a file that did not need to be read differs from the stored one.
                digest: digests[file.path] ?? .zero)
        }
        let databases = try await workspace.databases().databases.compactMap { database in
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
            if case .newer = try await workspace.repository.lineage(of: base.snapshot, to: newest.heads) {
                isNewer = false
            }
        }
        return MemoryStatus(
            newest: newest, synchronised: base?.snapshot, isNewerInStore: isNewer, scan: scan,
            difference: Difference(from: entries.map(\.facts), to: (local + databases).sorted { $0.path < $1.path }))
    }
}
