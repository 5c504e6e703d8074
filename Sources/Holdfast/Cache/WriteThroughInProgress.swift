import ActionsCache
import AgentFiles
import Basics
import FileIO
import Logging
import ObjectStore
import Repository

/// One save at work: the store, then the copy for the Actions cache.
struct WriteThroughInProgress {
    let memory: Memory
    let request: WriteThroughRequest

    private var result = WriteThroughResult()
    /// The state is a snapshot in the store.
    private var isStored = false
    /// A state was put aside, so that what is missing here is gone on purpose.
    private var isCleanStart = false

    init(memory: Memory, request: WriteThroughRequest) {
        self.memory = memory
        self.request = request
    }

    private var storage: String { memory.options.storage }
    private var isCancelled: Bool { result.sync.error?.code == .cancelled || Task.isCancelled }

    mutating func run() async -> WriteThroughResult {
        let start = ContinuousClock.now
        let quarantine = Quarantine(storage: storage, database: memory.options.database)
        isCleanStart = await quarantine.exists()
        if await memory.workspace.hasState() {
            await mark()
            await saveAll()
        } else {
            result.isEmpty = true
        }
        if !isCancelled { await remove(quarantine) }
        let elapsed = (ContinuousClock.now - start).components
        result.sync.durationSeconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        result.sync.success = result.sync.error == nil
        return result
    }

    private mutating func mark() async {
        do { try await StorageVersion.write(in: storage) } catch {
            result.sync.warnings.append("the storage directory cannot be marked with its version: \(error)")
        }
    }

    private mutating func remove(_ quarantine: Quarantine) async {
        do { try await quarantine.remove() } catch {
            result.sync.warnings.append("what was put aside is still there: \(error)")
        }
    }

    private mutating func saveAll() async {
        var lock: File?
        var place: CachePlace?
        do {
            if let wanted = request.cache {
                lock = try await wanted.lock()
                if lock != nil {
                    try await wanted.removeLeftovers()
                    place = wanted
                } else {
                    failCache("another process of this machine is using the copy for the Actions cache")
                }
            }
        } catch { failCache("the copy for the Actions cache cannot be made: \(error)") }
        let packs = place.map { KeptPacks(memory.store, copies: FileObjectStore(root: $0.staging)) }
        await saveToStore(packs)
        if let place, !isCancelled { await saveToCache(place, packs) }
        withExtendedLifetime(lock) {}
    }

    // MARK: The store

    private mutating func saveToStore(_ packs: KeptPacks?) async {
        guard request.store != .cacheOnly else { return }
        if let objection = request.trust.objection {
            result.notices.append("the store is not written to: \(objection)")
            return
        }
        let memory = packs.map { self.memory.reading(from: $0, meter: self.memory.meter) } ?? self.memory
        let pushed = await push(memory)
        // Files that had to be left out do not make the rest unsaved.
        isStored = pushed.snapshot != nil && (pushed.error == nil || pushed.error?.code == .incomplete)
        result.store = isStored ? .saved : pushed.error == nil ? .skipped : .failed
        let before = result.sync.warnings
        result.sync = pushed
        result.sync.warnings = before + pushed.warnings + [pushed.apart?.message].compactMap(\.self)
    }

    /// Makes the state a snapshot. After a clean start, the old state goes on purpose; after a complete restore in the same job,
    /// what is missing was removed in between.
    private func push(_ memory: Memory) async -> SyncResult {
        let place = await memory.workspace.restoredPlace(in: memory.options.run)
        return await memory.push(allowShrink: isCleanStart, seenAt: place, gently: true, keepingTornFiles: true)
    }

    // MARK: The cache

    private mutating func failCache(_ reason: String) {
        result.cache = .failed
        result.sync.warnings.append("not saved into the Actions cache: \(reason)")
    }

    private mutating func saveToCache(_ place: CachePlace, _ packs: KeptPacks?) async {
        do {
            if isStored { try await copyNewest(place, packs) } else { try await pushToCopy(place) }
        } catch {
            if error is CancellationError { result.sync.error = SyncError(error) }
            return failCache("\(SyncError(error).message)")
        }
        let key = place.keys.save
        result.cacheKey = key
        switch await place.service.save([place.directory], key: key) {
        case .saved(let bytes):
            result.cache = .saved
            result.cacheBytes = bytes
            result.sync.transferredBytes += bytes
        case .exists:
            result.cache = .exists
            result.notices.append(
                "the Actions cache has an entry '\(printable(key.utf8))' already, of a run at the same time")
        case .denied(let reason):
            result.cache = .denied
            result.notices.append("the Actions cache may not be written to by this run: \(reason)")
        case .rateLimited(let reason): failCache("too much at once: \(reason)")
        case .failed(let reason): failCache(reason)
        }
        if result.cache == .failed, request.store == .cacheOnly, result.sync.error == nil {
            result.sync.error = SyncError(
                code: .cacheFailed, message: result.sync.warnings.last ?? "not saved into the Actions cache")
        }
    }

    /// Makes the cached store hold the snapshot that the store has now.
    private func copyNewest(_ place: CachePlace, _ packs: KeptPacks?) async throws {
        let former = cached(place).repository
        let newest = try? await former.newest()
        if let saved = result.sync.snapshot, let heads = newest?.heads, heads.damaged.isEmpty,
            heads.snapshots.map(\.id.hexadecimal) == [saved]
        {
            // As it was restored.
            try await place.removeStaging()
            return
        }
        var source = memory.repository
        let target = FileObjectStore(root: place.staging)
        let written = packs?.packs ?? []
        let copies = memory.reading(from: target, meter: TransferMeter()).repository
        var nearby = NearbyFrames { written.contains($0.pack) ? await copies.stored($0) : nil }
        if let manifest = newest?.manifest, let frames = try? await former.nearbyFrames(of: manifest) {
            nearby = nearby.or(frames)
        }
        source.nearby = nearby
        let (snapshot, manifest) = try await stored(source)
        try await source.copy(snapshot, manifest, to: target, complete: written)
        try await place.publish()
    }

    /// The snapshot that the push has just made or found, from this machine's memory if it has one.
    private func stored(_ source: Repository) async throws -> (Snapshot, Manifest) {
        if let base = await memory.workspace.localState.read(), base.snapshot.id.hexadecimal == result.sync.snapshot {
            if let known = await memory.workspace.localState.manifest(of: base.snapshot) {
                return (base.snapshot, known)
            }
            return (base.snapshot, try await source.manifest(of: base.snapshot))
        }
        let newest = try await source.newest()
        guard let tip = newest.tip, let manifest = newest.manifest else {
            throw SyncError(code: .damaged, message: "what was saved cannot be read back")
        }
        return (tip, manifest)
    }

    /// Makes the state the newest snapshot of the cached store, and leaves nothing older in it.
    private mutating func pushToCopy(_ place: CachePlace) async throws {
        let copy = cached(place)
        // What this machine has may come from a snapshot that the copy has never seen: then the copy begins anew.
        if let base = await memory.workspace.localState.read() {
            let heads = try? await copy.repository.heads()
            var lineage = Lineage.unknown
            if let heads { lineage = (try? await copy.repository.lineage(of: base.snapshot, to: heads)) ?? .unknown }
            if !lineage.isBase && lineage != .newer { try await place.clear() }
        }
        var pushed = await push(copy)
        if pushed.snapshot == nil, let error = pushed.error, error.code == .damaged {
            try await place.clear()
            pushed = await push(copy)
        }
        pushed.requests = 0
        pushed.transferredBytes = 0
        if request.store == .cacheOnly || result.store == .skipped {
            let before = result.sync.warnings
            result.sync = pushed
            result.sync.warnings = before + pushed.warnings
        } else {
            result.sync.snapshot = pushed.snapshot
            result.sync.objectCount = pushed.objectCount
            result.sync.totalBytes = pushed.totalBytes
        }
        guard pushed.snapshot != nil else {
            throw pushed.error ?? SyncError(code: .failed, message: "there is no snapshot")
        }
        let newest = try await copy.repository.newest()
        guard let tip = newest.tip, let manifest = newest.manifest else {
            throw SyncError(code: .damaged, message: "the copy for the Actions cache cannot be read back")
        }
        try await place.removeStaging()
        try await copy.repository.copy(tip, manifest, to: FileObjectStore(root: place.staging))
        try await place.publish()
    }

    /// This memory in the cached store. It has no mirror view there: nobody but us reads it.
    private func cached(_ place: CachePlace) -> Memory {
        let meter = TransferMeter()
        var copy = memory.reading(from: FileObjectStore(root: place.directory, meter: meter), meter: meter)
        copy.options.keepsMirror = false
        return copy
    }
}
