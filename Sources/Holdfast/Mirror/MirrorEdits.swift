import AgentFiles
import FileIO
import Logging
import ObjectStore
import Repository

/// Changes that another tool has made below `storage/` since this program wrote the mirror view.
struct MirrorEdits: Sendable {
    /// Snapshot that the view showed when it was written last.
    let shown: Snapshot
    let manifest: Manifest
    let objects: [ObjectInfo]

    /// A view of more files is not listed with every save: each thousand objects cost a request.
    static let maxListedFiles = 1000
    /// How far back the content of an object is looked for, in snapshots.
    private static let maxAncestors = 50

    /// Finds objects that were written later than the view and hold what no snapshot has at their paths.
    /// - Parameter newest: the newest snapshots, one of which the view has to show.
    /// - Returns: `nil` if there are none, or if the view does not tell.
    /// - Throws: ``StoreError``, ``RepositoryError``.
    static func find(_ workspace: Workspace, _ newest: Newest) async throws -> MirrorEdits? {
        guard let mark = try await workspace.mirrorMark(),
            let index = newest.heads.snapshots.firstIndex(where: { $0.id.hexadecimal == mark.snapshot })
        else { return nil }
        let (shown, manifest) = (newest.heads.snapshots[index], newest.manifests[index])
        guard manifest.entries.count <= maxListedFiles, let written = mark.written else { return nil }
        var sizes: [ObjectKey: Int64] = [:]
        for entry in manifest.entries {
            if let path = entry.path.utf8String { sizes[workspace.location.mirrorKey(path)] = entry.size }
        }
        let later = try await workspace.mirrorObjects().filter { object in
            guard workspace.location.isMirroredFile(object.key) else { return false }
            guard let time = object.lastModified else { return false }
            // Some stores tell fractions of a second in listings only. Within the second in which the view was written, the
            // size tells.
            let unit: Int64 = written % 1_000_000_000 == 0 ? 1_000_000_000 : 1
            let isSame = time / unit == written / unit
            return time / unit > written / unit || (isSame && sizes[object.key] != object.size)
        }
        guard !later.isEmpty else { return nil }
        var foreign: [(object: ObjectInfo, path: RelativePath, digest: Digest)] = []
        for object in later {
            guard let path = RelativePath(workspace.location.mirroredPath(object.key)) else { continue }
            var hasher = DigestHasher()
            for try await chunk in try await workspace.store.get(object.key).chunks { hasher.update(chunk) }
            foreign.append((object, path, hasher.digest))
        }
        // A save that was cut off has written what its snapshot has.
        var visited: Set<CommitName> = []
        var next = newest.heads.snapshots
        while !foreign.isEmpty, !next.isEmpty, visited.count < maxAncestors {
            let snapshot = next.removeFirst()
            guard visited.insert(snapshot.name).inserted else { continue }
            let entries: Manifest
            do { entries = try await workspace.repository.manifest(of: snapshot) } catch let error as RepositoryError {
                guard error.kind == .damaged else { throw error }
                continue
            }
            foreign.removeAll { entries.entry($0.path)?.digest == $0.digest }
            if !foreign.isEmpty { next += try await workspace.repository.parents(of: snapshot) }
        }
        guard !foreign.isEmpty else { return nil }
        return MirrorEdits(shown: shown, manifest: manifest, objects: foreign.map(\.object))
    }
}
