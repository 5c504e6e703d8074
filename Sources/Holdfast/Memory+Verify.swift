import AgentDatabase
import FileIO
import Repository

extension Memory {
    /// Opens each database of all snapshots, and says which are none: an image may be what its digest says, and damaged all
    /// the same.
    /// - Throws: ``StoreError``, ``FileError``, `CancellationError`.
    public func damagedDatabases() async throws -> [VerifyReport.Damage] {
        let workspace = workspace
        var images: [Digest: (entry: Entry, snapshots: [Snapshot])] = [:]
        for snapshot in try await workspace.repository.history().snapshots {
            guard let manifest = try await workspace.readable({ try await workspace.repository.manifest(of: snapshot) })
            else { continue }
            for entry in manifest.entries.divided().databases {
                images[entry.digest, default: (entry, [])].snapshots.append(snapshot)
            }
        }
        var found: [VerifyReport.Damage] = []
        for (_, image) in images {
            guard let reason = try await workspace.damage(ofDatabase: image.entry), let first = image.snapshots.first
            else { continue }
            found.append(
                VerifyReport.Damage(
                    key: workspace.repository.key(of: first),
                    reason: "the database '\(image.entry.path)' in it: \(reason)",
                    snapshots: image.snapshots.map(\.shortID), paths: [image.entry.path]))
        }
        return found
    }
}

extension Workspace {
    /// - Returns: `nil` for what is damaged in the store, which the verification of the store has named.
    fileprivate func readable<Value>(_ read: () async throws -> Value) async throws -> Value? {
        do { return try await read() } catch let error as RepositoryError where error.kind == .damaged { return nil }
    }

    /// Why an image cannot be opened; `nil` if it can, or cannot be had.
    fileprivate func damage(ofDatabase entry: Entry) async throws -> String? {
        let union = try await FileIO.run { try DatabaseUnion() }
        guard try await readable({ try await fill(union, .ours, entry) }) != nil else { return nil }
        do {
            try await FileIO.run { try union.check(.ours) }
            return nil
        } catch let error as FileError {
            throw error
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            return "\(error)"
        }
    }
}
