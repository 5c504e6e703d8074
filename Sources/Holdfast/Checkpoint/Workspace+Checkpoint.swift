import AgentFiles
import FileIO
import Logging
import Repository

/// What this machine remembers of a workspace. Only what is said of it differs from ``LocalState``: forgetting costs time,
/// never data, so a checkpoint that cannot be written is a warning.
extension Workspace {
    var localState: LocalState {
        LocalState(directory: stateDirectory, store: checkpointStore, memory: location.key, storage: storage)
    }

    /// The newest snapshots with their manifests, from this machine's memory where it has them.
    func newest(
        _ heads: Heads?, _ base: LocalState.Base?, excluding: [CommitName: String] = [:], checking: PackCheck = .none,
        unusable: Set<Digest> = []
    ) async throws -> Newest {
        var known: [(snapshot: Snapshot, manifest: Manifest)] = []
        if let base, let manifest = await localState.manifest(of: base.snapshot) { known = [(base.snapshot, manifest)] }
        return try await repository.newest(
            heads: heads, known: known, excluding: excluding, checking: checking, unusable: unusable)
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
            let own = intent.sides.first { snapshot.commit.sides.contains($0.reference) } ?? snapshot
            // At once, since the next intent takes the place of this one.
            try await localState.write(own, nil, intent.index.entries, takenAt: intent.index.takenAt, isMirrored: false)
            return LocalState.Base(snapshot: own, index: intent.index, isMirrored: false)
        }
        return base
    }

    /// Notes what is about to happen, before it happens.
    /// - Parameter sides: the side commits that have the files, of which a snapshot that is a merge names one.
    func announce(
        _ snapshots: [Snapshot], sides: [Snapshot] = [], restoring: Bool, _ entries: [FileIndex.Entry], takenAt: Int64
    ) async {
        await announce(await intent(snapshots, sides: sides, restoring: restoring, takenAt: takenAt) { entries })
    }

    /// Prepares ``announce(_:)``.
    func intent(
        _ snapshots: [Snapshot], sides: [Snapshot] = [], restoring: Bool, takenAt: Int64,
        _ entries: @escaping @Sendable () -> [FileIndex.Entry]
    ) async -> LocalState.EncodedIntent? {
        do {
            return try await localState.encodeIntent(
                snapshots, sides: sides, isRestore: restoring, takenAt: takenAt, entries)
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

    /// Packs that this machine has found damaged and that still are.
    /// - Throws: ``StoreError`` if the store does not hand one out.
    func stillDamagedPacks() async throws -> Set<Digest> {
        let known = await localState.damagedPacks()
        var damaged: Set<Digest> = []
        for pack in known where try await repository.damage(ofPack: pack) != nil { damaged.insert(pack) }
        if damaged != known { await note(damagedPacks: damaged) }
        return damaged
    }

    func note(damagedPacks packs: Set<Digest>) async {
        do { try await localState.write(damagedPacks: packs) } catch {
            logger.warning("Could not note which packs are damaged", metadata: ["error": "\(error)"])
        }
    }

    /// Notes the pack that turned out to be damaged, if it is one.
    func note(_ damage: RepositoryError) async {
        guard damage.kind == .damaged, let pack = repository.pack(of: damage) else { return }
        let known = await localState.damagedPacks()
        if !known.contains(pack) { await note(damagedPacks: known.union([pack])) }
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
