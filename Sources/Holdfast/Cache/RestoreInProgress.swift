import ActionsCache
import AgentDatabase
import AgentFiles
import Basics
import FileIO
import Logging
import ObjectStore
import Repository

/// One restore at work: asks the places in the order of the policy, and looks at what they brought.
struct RestoreInProgress {
    let memory: Memory
    let request: RestoreRequest

    private var result = RestoreResult()
    private var reason: RestoreResult.Reason?
    /// The key of a state that could not be used.
    private var unusableKey: String?
    /// Frames of the snapshot that the cache had.
    private var nearby: NearbyFrames?
    /// Snapshots whose state was put aside.
    private var rejected: Set<String> = []
    /// The store itself has what was put aside, so that the next save may replace it.
    private var isRejectionCertain = false
    /// Somebody who may know says that the store has nothing of this memory.
    private var isStoreEmpty = false
    /// Every file of the snapshot that was synchronised last is here.
    private var isComplete = false
    /// The storage directory held files before.
    private var hadState = false

    init(memory: Memory, request: RestoreRequest) {
        self.memory = memory
        self.request = request
    }

    private var storage: String { memory.options.storage }
    private var quarantine: Quarantine { Quarantine(storage: storage, database: memory.options.database) }
    private var isCancelled: Bool { result.sync.error?.code == .cancelled || Task.isCancelled }

    mutating func run() async -> RestoreResult {
        let start = ContinuousClock.now
        let memory = memory
        // The store is asked in any case, so both are asked at the same time.
        let asksBoth = request.policy == .newest && request.cache != nil && request.store != .cacheOnly
        async let listing = asksBoth ? memory.listing() : nil
        hadState = await memory.workspace.hasState()
        for (index, place) in request.policy.order.enumerated() {
            if index > 0, !request.policy.goesOn(afterHit: result.hit) { break }
            if isCancelled { break }
            switch place {
            case .cache: await tryCache()
            case .store: await tryStore(await listing)
            }
        }
        if !result.hit, isStoreEmpty, !isCancelled { await seed() }
        await removeCredentials()
        if !result.hit { await startCold() }
        let elapsed = (ContinuousClock.now - start).components
        result.sync.durationSeconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        result.sync.success = result.sync.error == nil
        return result
    }

    private func pull(_ memory: Memory) -> Pull {
        Pull(workspace: memory.workspace, options: PullOptions(onConflict: .newerWins), operation: .restore)
    }

    // MARK: The cache

    private mutating func tryCache() async {
        guard let place = request.cache else {
            if request.store == .cacheOnly { miss(.absent) }
            return
        }
        var lock: File?
        do {
            lock = try await place.lock()
            guard lock != nil else {
                return miss(.unreachable, "another process of this machine is using the copy for the Actions cache")
            }
            try await place.removeLeftovers()
        } catch { return miss(.unreachable, "the Actions cache cannot be used: \(error)") }
        let outcome = await place.service.restore(
            [place.directory], key: place.keys.primary, restoreKeys: place.keys.restorePrefixes)
        switch outcome {
        case .miss: miss(.absent)
        case .denied(let reason): miss(.denied, "the Actions cache may not be read: \(reason)")
        case .failed(let reason): miss(.unreachable, "the Actions cache cannot be read: \(reason)")
        case .unusable(let key, let reason):
            unusableKey = key
            miss(.corrupt, "the entry '\(printable(key.utf8))' of the Actions cache cannot be used: \(reason)")
        case .hit(let key, let bytes):
            result.sync.transferredBytes += bytes
            await take(place, key: key)
        }
        // Held until here, whatever the optimiser thinks of it.
        withExtendedLifetime(lock) {}
    }

    /// Restores from the store that the cache held.
    private mutating func take(_ place: CachePlace, key: String) async {
        let meter = TransferMeter()
        let cached = memory.reading(from: FileObjectStore(root: place.directory, meter: meter), meter: meter)
        // Where this machine has gone on since, the older state must not bring back what was removed.
        let pulled = await pull(cached).run(satisfiedBy: hadState ? .newer : .none)
        var brought = pulled.result
        brought.requests = 0
        brought.transferredBytes = 0
        if brought.error == nil, brought.snapshot == nil {
            unusableKey = key
            return miss(
                .corrupt, "the entry '\(printable(key.utf8))' of the Actions cache holds no snapshot of this memory")
        }
        // A damaged copy is passed over for an older one, and here is none.
        brought.warnings.removeAll { _ in brought.error != nil }
        await accept(brought, .cache, key: key, isNew: !pulled.isNeedless)
        guard result.hit else { return }
        isComplete = !pulled.isNeedless
        do {
            let newest = try await cached.repository.newest()
            if let manifest = newest.manifest { nearby = try await cached.repository.nearbyFrames(of: manifest) }
        } catch {
            memory.logger.debug("No frames of the cached store can be used", metadata: ["error": "\(error)"])
        }
    }

    // MARK: The store

    /// - Parameter early: what the store said while the cache was at work.
    private mutating func tryStore(_ early: EarlyListing?) async {
        guard request.store != .cacheOnly else { return }
        result.sync.requests += early?.requests ?? 0
        result.sync.transferredBytes += early?.transferredBytes ?? 0
        if !rejected.isEmpty, await storeHasRejected() { return }
        let memory = nearby.map { self.memory.with(nearby: $0) } ?? self.memory
        let pulled = await pull(memory).run(
            satisfiedBy: isComplete ? .sameOrNewer : .none,
            // After a rejection it was asked again, for something newer.
            in: rejected.isEmpty ? early?.commits : nil)
        let source: RestoreResult.Source = request.store == .s3 ? .s3 : .file
        let key = "\(source.rawValue):\(memory.location.repository)"
        let brought = pulled.result
        if brought.error == nil, brought.objectCount == 0 {
            count(brought)
            isStoreEmpty = true
            if result.hit {
                result.notices.append("the store has no snapshot of this memory yet; the next save brings it there")
            }
            return miss(.absent)
        }
        if pulled.isNeedless {
            result.sync.requests += brought.requests
            result.sync.warnings += brought.warnings
            return
        }
        await accept(brought, source, key: key, isNew: true)
        if let snapshot = brought.snapshot, rejected.contains(snapshot) { isRejectionCertain = true }
    }

    /// Whether the newest snapshot of the store is the very one whose state was put aside: nothing better is to be had.
    private mutating func storeHasRejected() async -> Bool {
        let rejected = rejected
        var found = false
        let looked = await measured(memory.meter) { _ in
            let known = [await memory.workspace.localState.read()?.snapshot].compactMap(\.self)
            found =
                try await memory.repository.heads(known: known).tip.map { rejected.contains($0.id.hexadecimal) }
                ?? false
        }
        result.sync.requests += looked.requests
        if found { isRejectionCertain = true }
        // Trouble shows again in the pull that follows.
        return found
    }

    // MARK: What was brought

    /// Looks at a state that a place brought.
    /// - Parameter isNew: whether anything may have changed here.
    private mutating func accept(
        _ brought: SyncResult, _ source: RestoreResult.Source, key: String, isNew: Bool
    ) async {
        count(brought)
        // What could not be written by its name does not make the rest useless.
        if let error = brought.error, error.code != .incomplete {
            let words = source == .cache ? "the state in the Actions cache cannot be used" : "the store cannot be used"
            let reason = RestoreResult.Reason(error)
            if reason == .corrupt || reason == .version, !result.hit { unusableKey = key }
            if source != .cache { result.sync.error = error }
            return miss(reason, "\(words): \(error.message)")
        }
        // A store that failed before the cache was asked has failed all the same.
        result.sync.error = brought.error ?? (source == .cache ? result.sync.error : nil)
        result.sync.snapshot = brought.snapshot
        result.sync.snapshotTime = brought.snapshotTime
        result.sync.objectCount = brought.objectCount
        result.sync.totalBytes = brought.totalBytes
        if isNew {
            do {
                let check = StateCheck(storage: storage, database: memory.options.database)
                if let fault = try await check.run(knowing: brought.files) {
                    return await reject(fault, brought, key: key)
                }
            } catch {
                result.sync.error = SyncError(error)
                return miss(.unreachable)
            }
        }
        result.status = .hit
        result.source = source
        result.key = key
        result.restoredPath = storage
    }

    /// Adds what an operation did.
    private mutating func count(_ brought: SyncResult) {
        result.sync.requests += brought.requests
        result.sync.transferredBytes += brought.transferredBytes
        result.sync.transferredObjects += brought.transferredObjects
        result.sync.warnings += brought.warnings
        result.sync.problems = brought.problems
        result.sync.conflicts = brought.conflicts
        result.sync.replacedKeptAt = brought.replacedKeptAt ?? result.sync.replacedKeptAt
        result.sync.skipped = brought.skipped
        result.sync.removed += brought.removed
        if result.sync.sessions == SessionCounts() {
            result.sync.sessions = brought.sessions
        } else {
            result.sync.sessions.add(brought.sessions)
        }
        result.sync.heldBack = brought.heldBack ?? result.sync.heldBack
    }

    /// A place had nothing that can be used. After a hit, that is only worth a warning.
    private mutating func miss(_ reason: RestoreResult.Reason, _ warning: String? = nil) {
        if let warning { result.sync.warnings.append(warning) }
        if !result.hit { self.reason = RestoreResult.Reason.worse(self.reason, reason) }
    }

    /// Puts a state out of the way that an agent must not meet.
    private mutating func reject(_ fault: StateFault, _ brought: SyncResult, key: String) async {
        isComplete = false
        result.status = .miss
        result.source = nil
        result.key = nil
        result.restoredPath = nil
        unusableKey = key
        if let snapshot = brought.snapshot { rejected.insert(snapshot) }
        let words =
            fault.kind == .version ? "the restored state is not for this agent" : "the restored state is corrupt"
        miss(fault.kind == .version ? .version : .corrupt, "\(words): \(fault.reason)")
        do {
            let place = try await quarantine.take(keeping: hadState)
            result.asideAt = place
            await memory.workspace.pruneKeptStates()
            let until = hadState ? "since it may hold what only this machine had" : "until the next save"
            result.notices.append("the state that cannot be used is kept in '\(place)' \(until)")
            hadState = false
        } catch {
            result.sync.warnings.append("the state that cannot be used is still there: \(error)")
            result.sync.error = result.sync.error ?? SyncError(error)
        }
    }

    private mutating func startCold() async {
        result.reason = reason ?? .absent
        result.key = unusableKey
        if let reason, [.corrupt, .version].contains(reason) { result.status = .corrupted }
        result.sync.objectCount = 0
        result.sync.totalBytes = 0
        if request.store == .cacheOnly, let reason, reason != .absent, result.sync.error == nil {
            // Nothing else could have had the state.
            result.sync.error = SyncError(
                code: reason.code, message: result.sync.warnings.last ?? "the Actions cache cannot be used")
        }
        guard !rejected.isEmpty, !isRejectionCertain, request.store != .cacheOnly else { return }
        // Only the cache's state is known to be bad. The store may have a good one, of which the next save must remove nothing.
        do { try await memory.workspace.localState.forget() } catch {
            memory.logger.warning("Could not forget what was synchronised", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Around it

    /// Takes over another agent's memory of the same repository.
    private mutating func seed() async {
        guard !request.shareFrom.isEmpty, await !memory.workspace.hasState() else { return }
        let source: RestoreResult.Source = request.store == .s3 ? .s3 : .file
        for agent in request.shareFrom where agent != memory.location.agent {
            guard let other = try? memory.shared(from: agent) else { continue }
            let brought = await pull(other).run().result
            if brought.error == nil, brought.objectCount == 0 {
                count(brought)
                continue
            }
            await accept(brought, source, key: "\(source.rawValue):\(memory.location.repository)", isNew: true)
            if result.hit {
                result.seededFrom = agent
                // It is no snapshot of this memory.
                result.sync.snapshot = nil
                result.sync.snapshotTime = nil
                result.notices.append("the memory was empty and is seeded from that of '\(agent)'")
                return
            }
        }
    }

    /// Credentials do not belong into a storage directory, where a cache may have brought them (RFC-002).
    private mutating func removeCredentials() async {
        let storage = storage
        do {
            let isRemoved = try await FileIO.run {
                let root: File
                do throws(FileError) { root = try File.open(storage, [.read, .directory]) } catch {
                    if error.isNotFound { return false }
                    throw error
                }
                guard try root.statusIfPresent(of: "auth.json".utf8) != nil else { return false }
                try root.removeTree("auth.json".utf8)
                return true
            }
            if isRemoved { result.notices.append("'auth.json' was removed from the storage directory") }
        } catch {
            result.sync.warnings.append("whether the storage directory holds 'auth.json' is not known: \(error)")
        }
    }
}

/// What a store said of its commits before that was needed, and what it took.
private struct EarlyListing: Sendable {
    let commits: CommitListing
    let requests: Int
    let transferredBytes: Int64
}

extension Memory {
    /// Asks the store for the newest commits.
    fileprivate func listing() async -> EarlyListing {
        let before = meter.now
        let commits = await repository.commitListing()
        let after = meter.now
        return EarlyListing(
            commits: commits, requests: after.requests - before.requests,
            transferredBytes: after.bytesSent - before.bytesSent + after.bytesReceived - before.bytesReceived)
    }
}
