/// When a watched memory is restored, saved, scanned and when others are asked for news: a pure state machine.
///
/// It is told what happened and when, and says what to do next; it never waits and asks no clock, so tests need not either.
/// One step is under way at a time.
struct WatchSchedule: Sendable {
    typealias Instant = ContinuousClock.Instant

    struct Timing: Sendable, Equatable {
        /// A save begins when nothing has changed for so long.
        var silence = Duration.milliseconds(500)
        /// Under continuous writing, a save begins after so long if saves are quick: they may take a fifth of the time.
        var shortestDelay = Duration.seconds(1)
        /// Under continuous writing, a change is in the store after so long: a save begins earlier by what the last one
        /// took.
        var longestDelay = Duration.seconds(4)
        /// The pause between scans for changes that nobody told of.
        var scan = Duration.seconds(60)
        /// The pause between looks at the memories that are followed; `nil` if there is none.
        var poll: Duration?
        /// The pause after a first failure; it doubles with each further one.
        var firstRetry = Duration.seconds(1)
        var longestRetry = Duration.seconds(30)
    }

    enum Step: Sendable, Equatable {
        case restore, save, scan, follow
        /// Nothing is due before this.
        case wait(until: Instant)
    }

    var timing: Timing
    /// When the oldest change was noticed that no save has taken; `nil` if there is none.
    private(set) var dirtySince: Instant?
    private var lastChange: Instant
    /// The oldest change that the save under way takes.
    private var inFlightSince: Instant?
    /// When a save is due although nothing changed: a database was left out of the last one.
    private var deferredUntil: Instant?
    private var notBefore: Instant
    private(set) var failedSaves = 0
    private var lastSaveTook = Duration.zero
    private var restoreAt: Instant?
    private var failedRestores = 0
    private var scanAt: Instant
    private var pollAt: Instant?
    private var failedPolls = 0

    /// - Parameter restores: begin with a restore.
    init(_ timing: Timing, restores: Bool, now: Instant) {
        self.timing = timing
        lastChange = now
        notBefore = now
        restoreAt = restores ? now : nil
        // What was changed while nobody watched.
        dirtySince = now
        scanAt = now + timing.scan
        pollAt = timing.poll.map { _ in now }
    }

    /// The age of the oldest change that is in no snapshot.
    var unsavedSince: Instant? {
        [dirtySince, inFlightSince].compactMap(\.self).min()
    }

    /// What to do now.
    func next(now: Instant) -> Step {
        var due: [(at: Instant, step: Step)] = [(scanAt, .scan)]
        if let restoreAt { due.append((restoreAt, .restore)) }
        // Before the first restore has been tried, there is nothing to save yet and nothing to merge others into.
        if restoreAt == nil || failedRestores > 0 {
            if let saveAt { due.append((saveAt, .save)) }
            if let pollAt { due.append((pollAt, .follow)) }
        }
        // Whatever has been due longest: no step can keep the others from their turn.
        let first = due.min { $0.at < $1.at } ?? (scanAt, .scan)
        return first.at <= now ? first.step : .wait(until: first.at)
    }

    private var saveAt: Instant? {
        var at: Instant?
        if let dirtySince {
            let delay = min(lastSaveTook * 4, timing.longestDelay - lastSaveTook)
            at = min(lastChange + timing.silence, dirtySince + max(timing.shortestDelay, delay))
        }
        if let deferredUntil { at = min(at ?? deferredUntil, deferredUntil) }
        return at.map { max($0, notBefore) }
    }

    // MARK: What happened

    /// Something changed on the disk.
    /// - Parameters:
    ///   - first: when the first change was noticed since the last call.
    ///   - last: when the last one was.
    mutating func changed(first: Instant, last: Instant) {
        dirtySince = min(dirtySince ?? first, first)
        lastChange = max(lastChange, last)
    }

    mutating func saveBegan() {
        inFlightSince = dirtySince
        dirtySince = nil
        deferredUntil = nil
    }

    /// - Parameters:
    ///   - took: how long the save took.
    ///   - again: when a database that was left out may be taken; `nil` if none was.
    mutating func saved(took: Duration, again: Instant? = nil) {
        inFlightSince = nil
        failedSaves = 0
        lastSaveTook = took
        deferredUntil = again
    }

    /// - Parameter jitter: from 0 to 1, at random.
    mutating func saveFailed(now: Instant, jitter: Double) {
        dirtySince = unsavedSince ?? now
        inFlightSince = nil
        failedSaves += 1
        notBefore = now + pause(after: failedSaves, jitter)
    }

    /// - Parameter again: whether it is to be tried again.
    mutating func restoreEnded(now: Instant, again: Bool, jitter: Double) {
        failedRestores = again ? failedRestores + 1 : 0
        restoreAt = again ? now + pause(after: failedRestores, jitter) : nil
    }

    mutating func scanned(now: Instant, changed isChanged: Bool) {
        scanAt = now + timing.scan
        // What a scan finds was written some time ago: there is no silence to wait for.
        if isChanged {
            dirtySince = min(dirtySince ?? now, now)
            lastChange = min(lastChange, now - timing.silence)
        }
    }

    /// - Parameter jitter: keeps two that follow each other from asking in step.
    mutating func followed(now: Instant, failed: Bool, jitter: Double) {
        guard let poll = timing.poll else { return }
        failedPolls = failed ? failedPolls + 1 : 0
        pollAt = now + (failed ? max(poll, pause(after: failedPolls, jitter)) : poll * (0.75 + 0.2 * jitter))
    }

    /// At least half of the full pause, so that a store that is down is not asked at once.
    private func pause(after failures: Int, _ jitter: Double) -> Duration {
        let full = min(timing.longestRetry, timing.firstRetry * (1 << min(failures - 1, 16)))
        return full * (0.5 + 0.5 * jitter)
    }
}
