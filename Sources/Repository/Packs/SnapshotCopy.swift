import Basics
import FileIO
import ObjectStore

extension Repository {
    /// Copies one snapshot into a directory that another repository of this memory reads: its commit as it is, and of its
    /// packs what the snapshot needs.
    ///
    /// A pack keeps its name, its version and its length, and what the snapshot does not need is holes. So the snapshot is
    /// the same, down to its hash, and every reader finds what the manifest names; holes cost nothing once the directory is
    /// compressed. What else the directory holds of this memory is removed. The commit comes last.
    /// - Parameters:
    ///   - target: may hold whole packs of the snapshot already.
    ///   - complete: says which.
    /// - Throws: ``RepositoryError`` of kind `damaged` for a pack that is missing or too short, ``StoreError``.
    public func copy(
        _ snapshot: Snapshot, _ manifest: Manifest, to target: FileObjectStore, complete: Set<Digest> = []
    ) async throws {
        let frames = Dictionary(grouping: try await allFrames(of: manifest), by: \.pack)
        let sizes = manifest.packSizes
        let missing = frames.keys.filter { !complete.contains($0) }.sorted()
        try await forEachConcurrently(missing, limit: max(1, min(concurrency, 4))) { pack in
            let wanted = frames[pack] ?? []
            let end = wanted.reduce(0) { max($0, Int64($1.range.upperBound)) }
            try await target.put(key(ofPack: pack), length: max(sizes[pack] ?? 0, end)) { file in
                try await FileIO.run { try file.write(Pack.versionHeader, at: 0) }
                try await readFrames(wanted, packsAtOnce: 2) { frame in
                    try await FileIO.run { try file.write(frame.bytes, at: Int64(frame.location.offset)) }
                }
            }
        }
        let kept = Set(frames.keys.map(key(ofPack:))).union([key(of: snapshot.name)])
        let stale = try await target.list(prefix: "\(memory)/").collect().map(\.key).filter { !kept.contains($0) }
        if let failure = try await target.delete(stale).first { throw failure.error }
        try await target.put(key(of: snapshot.name), .bytes(snapshot.bytes), .overwrite)
    }
}
