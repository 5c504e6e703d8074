import AgentDatabase
import AgentFiles
import Basics
import FoundationEssentials
import Holdfast
import Logging
import NIOConcurrencyHelpers
import ObjectStore
import ServiceLifecycle

/// One watch at work: asks the schedule for the next step, and takes it.
struct WatchRun: Sendable {
    let watch: MemoryWatch
    let changes: ChangeLog
    let wake: WakeUp
    let detector: ChangeDetector
    private let isStopping = NIOLockedValueBox(false)
    private let clock = ContinuousClock()

    private var schedule: WatchSchedule
    /// The state that the last good save took; `nil` if a further change to it might not show.
    private var saved: StateFingerprint?
    /// How long a scan took last.
    private var scanTook = Duration.zero
    /// When a large database was captured last.
    private var capturedLarge: ContinuousClock.Instant?
    private var isReady = false
    /// Where the state lay at the last good save that left no removal waiting: what goes there from then on, the agent has
    /// removed while it was watched.
    private var seenAt: PlaceIdentity?
    /// The warnings of the last good save.
    private var told: Set<String> = []

    private var memory: Memory { watch.memory }
    private var options: WatchOptions { watch.options }
    private var logger: Logger { watch.logger }

    init(watch: MemoryWatch, changes: ChangeLog, wake: WakeUp, detector: ChangeDetector) {
        (self.watch, self.changes, self.wake, self.detector) = (watch, changes, wake, detector)
        var timing = WatchSchedule.Timing()
        timing.scan = watch.options.scanInterval
        timing.poll = watch.options.follows.isEmpty ? nil : watch.options.pollInterval
        schedule = WatchSchedule(timing, restores: watch.options.restores, now: .now)
    }

    /// Lets ``untilStopped()`` come to its end.
    func stop() {
        isStopping.withLockedValue { $0 = true }
        wake.set()
    }

    private func update(_ change: (inout MemoryHealth) -> Void) { watch.board.update(watch.id, change) }

    /// Takes one step after another until a graceful shutdown; then saves what is left.
    /// - Throws: `CancellationError`.
    mutating func untilStopped() async throws {
        if let record = await memory.saveRecord(newest: nil) {
            update { health in
                health.lastSuccess = record.lastSuccess
                health.failuresSince = record.failuresSince
            }
        }
        if !options.restores { ready() }
        while !isStopping.withLockedValue({ $0 }) {
            try Task.checkCancellation()
            takeChanges()
            switch schedule.next(now: clock.now) {
            case .restore: try await restore()
            case .save: try await save()
            case .scan: try await scan()
            case .follow: try await follow()
            case .wait(let until):
                report()
                await wake.wait(until: until)
            }
        }
        try await flush()
    }

    private mutating func takeChanges() {
        guard let changes = changes.take() else { return }
        schedule.changed(first: changes.first, last: changes.last)
        update { $0.pendingChanges = min(10_000, $0.pendingChanges + changes.files.count) }
    }

    private mutating func ready() {
        guard !isReady else { return }
        isReady = true
        watch.onReady()
    }

    /// Tells the board what is not saved, and what the store has done.
    private func report(_ state: MemoryHealth.State? = nil) {
        let since = schedule.unsavedSince.map { Date() - seconds(clock.now - $0) }
        let counts = watch.meter.now
        update { health in
            health.state = state ?? (health.state == .retrying ? .retrying : .idle)
            health.oldestUnsavedChange = since
            (health.requests, health.bytesSent, health.bytesReceived) =
                (counts.requests, counts.bytesSent, counts.bytesReceived)
        }
    }

    private mutating func failed(_ error: SyncError, _ what: String) {
        logger.warning(
            "\(what) failed; it will be tried again", metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
        update { health in
            health.add(MemoryHealth.Failure(time: Date(), code: error.code, message: error.message))
        }
    }

    // MARK: Saving

    private mutating func save(isLast: Bool = false) async throws {
        schedule.saveBegan()
        report(.saving)
        update { $0.pendingChanges = 0 }
        let start = clock.now
        // What is seen now is in the snapshot, or a later look shows that it changed.
        let seen = try? await memory.fingerprint()
        let (limit, interval) = (options.largeDatabase, options.largeDatabaseInterval)
        let next = capturedLarge.map { $0 + interval }
        let isTooEarly = !isLast && next.map { $0 > start } == true
        let sawLarge = NIOLockedValueBox(false)
        // The agent may be in the middle of writing a file.
        let result = await memory.push(seenAt: seenAt, gently: true, keepingTornFiles: true) { database in
            guard database.size > limit else { return false }
            if !isTooEarly { sawLarge.withLockedValue { $0 = true } }
            return isTooEarly
        }
        if result.error?.code == .cancelled { throw CancellationError() }
        let took = clock.now - start
        if sawLarge.withLockedValue({ $0 }) { capturedLarge = clock.now }
        if let error = result.error {
            (saved, seenAt) = (nil, nil)
            failed(error, "A save")
            update { $0.failuresSince += 1 }
            schedule.saveFailed(now: clock.now, jitter: .random(in: 0...1))
            report(.retrying)
            return
        }
        saved = seen?.isSettled == true && result.leftOutDatabases.isEmpty ? seen : nil
        seenAt = result.heldBack == nil ? result.place : nil
        schedule.saved(took: took, again: result.leftOutDatabases.isEmpty ? nil : next)
        warn(result.warnings + result.conflicts + [result.apart?.message].compactMap(\.self))
        tell(result, took, seen)
        if let person = result.rolledBackBy, !isLast { try await applyRollback(by: person) }
    }

    /// Brings a rollback here, whose removals the save has left as they are.
    private mutating func applyRollback(by person: String) async throws {
        let result = await memory.applyRollback()
        if result.error?.code == .cancelled { throw CancellationError() }
        saved = nil
        switch result.error?.code {
        case nil:
            logger.notice(
                "Rolled back", metadata: ["by": "\(person)", "snapshot": "\(result.snapshot?.prefix(12) ?? "none")"])
            for warning in result.warnings { logger.warning("\(warning)") }
        case .databaseInUse: logger.warning("rolled back by \(person); stop the agent and pull")
        default:
            if let error = result.error { failed(error, "Bringing a rollback here") }
        }
    }

    /// What stays as it is would be said with every save.
    private mutating func warn(_ warnings: [String]) {
        for warning in warnings where !told.contains(warning) { logger.warning("\(warning)") }
        told = Set(warnings)
    }

    private func tell(_ result: SyncResult, _ took: Duration, _ seen: StateFingerprint?) {
        let wasRetrying = watch.board[watch.id]?.state == .retrying || watch.board[watch.id]?.failuresSince ?? 0 > 0
        let isNew = result.isNewSnapshot
        logger.log(
            level: wasRetrying ? .notice : isNew ? .info : .debug, wasRetrying ? "Saved, after failures" : "Saved",
            metadata: [
                "snapshot": "\(result.snapshot?.prefix(12) ?? "none")", "files": "\(result.transferredObjects)",
                "requests": "\(result.requests)", "seconds": "\((seconds(took) * 1000).rounded() / 1000)",
            ])
        update { health in
            if result.snapshot != nil { health.lastSuccess = Date() }
            health.lastSaveSeconds = seconds(took)
            health.failuresSince = 0
            health.saves += 1
            if isNew { health.snapshotsSaved += 1 }
            health.snapshot = result.snapshot
            (health.files, health.totalBytes) = (result.objectCount, result.totalBytes)
            if let seen { (health.databaseBytes, health.walBytes) = (seen.databaseBytes, seen.walBytes) }
        }
        report(.idle)
    }

    /// The last save. It is made even if nothing is known to have changed, and tried again a few times.
    private mutating func flush() async throws {
        for attempt in 0..<3 {
            try Task.checkCancellation()
            takeChanges()
            try await save(isLast: true)
            guard schedule.failedSaves > 0 else { break }
            if attempt < 2 { try await clock.sleep(for: .seconds(1 << attempt)) }
        }
        report(.stopped)
    }

    // MARK: Restoring, scanning, following

    private mutating func restore() async throws {
        report(.restoring)
        let result = await memory.restoreForWatch(sharing: options.shareFrom)
        if result.error?.code == .cancelled { throw CancellationError() }
        if let error = result.error {
            let again = error.code.mayPassWithTime
            failed(error, again ? "The restore" : "The restore, which is given up,")
            schedule.restoreEnded(now: clock.now, again: again, jitter: .random(in: 0...1))
            report(again ? .retrying : .idle)
        } else {
            logger.notice(
                "Restored",
                metadata: [
                    "snapshot": "\(result.snapshot?.prefix(12) ?? "none")", "files": "\(result.objectCount)",
                    "fetched": "\(result.transferredObjects)",
                ])
            for warning in result.warnings { logger.warning("\(warning)") }
            update { health in
                health.snapshot = result.snapshot
                (health.files, health.totalBytes) = (result.objectCount, result.totalBytes)
            }
            schedule.restoreEnded(now: clock.now, again: false, jitter: 0)
            report(.idle)
        }
        ready()
    }

    private mutating func scan() async throws {
        let start = clock.now
        var isChanged = true
        do {
            let now = try await memory.fingerprint()
            isChanged = now != saved
            update { ($0.databaseBytes, $0.walBytes) = (now.databaseBytes, now.walBytes) }
        } catch let error as CancellationError {
            throw error
        } catch {
            // The save will say what is wrong.
            logger.debug("A scan failed", metadata: ["error": "\(error)"])
        }
        scanTook = clock.now - start
        let isTold = options.detection == .auto && detector.isComplete
        // Without notifications, scans are all there is: as often as they take no more than a hundredth of a core.
        schedule.timing.scan = isTold ? options.scanInterval : max(.seconds(1), scanTook * 100)
        schedule.scanned(now: clock.now, changed: isChanged)
    }

    private mutating func follow() async throws {
        var hasFailed = false
        for other in options.follows {
            let result = await other.follow(into: memory)
            if result.error?.code == .cancelled { throw CancellationError() }
            if let error = result.error {
                hasFailed = true
                failed(error, "Following '\(other.agent)'")
            } else if result.transferredObjects > 0 {
                logger.info(
                    "Took over new state",
                    metadata: [
                        "from": "\(other.agent)", "snapshot": "\(result.snapshot?.prefix(12) ?? "none")",
                        "files": "\(result.transferredObjects)",
                    ])
            }
            for warning in result.warnings { logger.warning("\(warning)", metadata: ["from": "\(other.agent)"]) }
        }
        schedule.followed(now: clock.now, failed: hasFailed, jitter: .random(in: 0...1))
    }
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}
