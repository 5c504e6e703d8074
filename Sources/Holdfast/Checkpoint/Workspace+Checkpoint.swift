import AgentFiles
import Logging
import Repository

/// What this machine remembers of a workspace. Only what is said of it differs from ``LocalState``: forgetting costs time,
/// never data, so a checkpoint that cannot be written is a warning.
extension Workspace {
    var localState: LocalState {
        LocalState(directory: stateDirectory, store: checkpointStore, memory: location.key, storage: storage)
    }

    /// The newest snapshots with their manifests, from this machine's memory where it has them.
    func newest(_ heads: Heads?, _ base: LocalState.Base?, excluding: [CommitName: String] = [:]) async throws -> Newest
    {
        var known: [(snapshot: Snapshot, manifest: Manifest)] = []
        if let base, let manifest = await localState.manifest(of: base.snapshot) { known = [(base.snapshot, manifest)] }
        return try await repository.newest(heads: heads, known: known, excluding: excluding)
    }

    /// Checkpoint, with what a process that was killed had no time to remember.
    /// - Throws: ``StoreError``.
    func remembered() async throws -> LocalState.Base? {
        let base = await localState.read()
        guard let intent = await localState.intent() else { return base }
        if intent.isRestore {
            guard var start = base ?? intent.snapshots.first.map(LocalState.Base.init(nothingOf:)) else { return nil }
            start.restoring = intent.index
            return start
        }
        for snapshot in intent.snapshots.reversed() where try await repository.holds(snapshot) {
            logger.info("The last push was cut off after it had saved", metadata: ["snapshot": "\(snapshot.shortID)"])
            // At once, since the next intent takes the place of this one.
            try await localState.write(
                snapshot, nil, intent.index.entries, takenAt: intent.index.takenAt, isMirrored: false)
            return LocalState.Base(snapshot: snapshot, index: intent.index, isMirrored: false)
        }
        return base
    }

    /// Notes what is about to happen, before it happens.
    func announce(_ snapshots: [Snapshot], restoring: Bool, _ entries: [FileIndex.Entry], takenAt: Int64) async {
        await announce(await intent(snapshots, restoring: restoring, takenAt: takenAt) { entries })
    }

    /// Prepares ``announce(_:)``.
    func intent(
        _ snapshots: [Snapshot], restoring: Bool, takenAt: Int64, _ entries: @escaping @Sendable () -> [FileIndex.Entry]
    ) async -> LocalState.EncodedIntent? {
        do {
            return try await localState.encodeIntent(snapshots, isRestore: restoring, takenAt: takenAt, entries)
        } catch {
            logger.warning("Could not note what is about to happen", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Notes what is about to happen, before it happens.
    /// - Parameter intent: `nil` if there is none to be had.
    func announce(_ intent: LocalState.EncodedIntent?) async {
        guard let intent else { return }
        do { try await localState.write(intent) } catch {
            logger.warning("Could not note what is about to happen", metadata: ["error": "\(error)"])
        }
    }

    func remember(
        _ snapshot: Snapshot, _ manifest: Manifest?, _ entries: [FileIndex.Entry], takenAt: Int64, isMirrored: Bool
    ) async {
        do {
            try await localState.write(snapshot, manifest, entries, takenAt: takenAt, isMirrored: isMirrored)
        } catch {
            logger.warning("Could not remember what was synchronised", metadata: ["error": "\(error)"])
        }
    }
}
