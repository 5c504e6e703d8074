import Testing

@testable import HoldfastService

@Suite("When a watched memory is saved")
struct WatchScheduleTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .milliseconds(Int(seconds * 1000)) }

    /// A schedule whose first save is done.
    private func quiet(poll: Duration? = nil) -> WatchSchedule {
        var timing = WatchSchedule.Timing()
        timing.poll = poll
        var schedule = WatchSchedule(timing, restores: false, now: start)
        schedule.saveBegan()
        schedule.saved(took: .milliseconds(100))
        return schedule
    }

    @Test("A restore comes first, then what changed while nobody watched")
    func first() {
        var schedule = WatchSchedule(.init(), restores: true, now: start)
        #expect(schedule.next(now: start) == .restore)
        #expect(schedule.next(now: at(20)) == .restore)
        schedule.restoreEnded(now: at(20), again: false, jitter: 0)
        #expect(schedule.next(now: at(20)) == .save)
    }

    @Test("A restore that failed keeps no save back, and is tried again")
    func restoreFails() {
        var schedule = WatchSchedule(.init(), restores: true, now: start)
        schedule.restoreEnded(now: start, again: true, jitter: 1)
        #expect(schedule.next(now: at(0.6)) == .save)
        schedule.saveBegan()
        schedule.saved(took: .zero)
        #expect(schedule.next(now: at(0.7)) == .wait(until: at(1)))
        #expect(schedule.next(now: at(1)) == .restore)
    }

    @Test("A change is saved once the writer has been silent for half a second")
    func silence() {
        var schedule = quiet()
        schedule.changed(first: at(10), last: at(10))
        #expect(schedule.next(now: at(10.1)) == .wait(until: at(10.5)))
        schedule.changed(first: at(10.4), last: at(10.4))
        #expect(schedule.next(now: at(10.5)) == .wait(until: at(10.9)))
        #expect(schedule.next(now: at(10.9)) == .save)
        #expect(schedule.unsavedSince == at(10))
    }

    @Test(
        "Under continuous writing, a save begins so early that it ends within five seconds, sooner if saves are quick",
        arguments: [(0, 1), (0.2, 1), (0.4, 1.6), (0.7, 2.8), (2, 2), (30, 1)])
    func continuous(took: Double, expected: Double) {
        var schedule = quiet()
        schedule.saveBegan()
        schedule.saved(took: .milliseconds(Int(took * 1000)))
        var began: Double?
        for tick in 0...100 where began == nil {
            let now = 10 + Double(tick) * 0.1
            schedule.changed(first: at(now), last: at(now))
            if schedule.next(now: at(now)) == .save { began = now }
        }
        let delay = (began ?? .infinity) - 10
        #expect(abs(delay - expected) < 0.11)
    }

    @Test("What changes during a save is saved after it, and keeps its age")
    func duringSave() {
        var schedule = quiet()
        schedule.changed(first: at(10), last: at(10))
        schedule.saveBegan()
        #expect(schedule.next(now: at(11)) == .wait(until: at(60)))
        schedule.changed(first: at(11), last: at(12))
        #expect(schedule.unsavedSince == at(10))
        schedule.saved(took: .seconds(3))
        #expect(schedule.unsavedSince == at(11))
        #expect(schedule.next(now: at(13)) == .save)
    }

    @Test("Failures pause longer and longer, never more than half a minute, and the change keeps its age")
    func backOff() {
        var schedule = quiet()
        schedule.changed(first: at(10), last: at(10))
        var now = 11.0
        var pauses: [Double] = []
        while pauses.count < 8 {
            // Scans come in between.
            if schedule.next(now: at(now)) == .scan { schedule.scanned(now: at(now), changed: false) }
            #expect(schedule.next(now: at(now)) == .save)
            schedule.saveBegan()
            schedule.saveFailed(now: at(now), jitter: 1)
            schedule.scanned(now: at(now), changed: false)
            #expect(schedule.unsavedSince == at(10))
            guard case .wait(let until) = schedule.next(now: at(now)) else {
                Issue.record("no pause")
                break
            }
            let pause = (until - at(now)) / .seconds(1)
            pauses.append(pause)
            now += pause
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30, 30])
        #expect(schedule.failedSaves == 8)
        schedule.saveBegan()
        schedule.saved(took: .zero)
        #expect(schedule.unsavedSince == nil)
        #expect(schedule.failedSaves == 0)
    }

    @Test("A pause is between half and all of its length", arguments: [0, 0.5, 1.0])
    func jitter(_ jitter: Double) {
        var schedule = quiet()
        schedule.saveBegan()
        schedule.saveFailed(now: at(1), jitter: jitter)
        #expect(schedule.next(now: at(1)) == .wait(until: at(1.5 + 0.5 * jitter)))
    }

    @Test("A new change does not shorten the pause after a failure")
    func noHurry() {
        var schedule = quiet()
        schedule.changed(first: at(1), last: at(1))
        for _ in 0..<4 {
            schedule.saveBegan()
            schedule.saveFailed(now: at(2), jitter: 1)
        }
        schedule.changed(first: at(3), last: at(3))
        #expect(schedule.next(now: at(4)) == .wait(until: at(10)))
    }

    @Test("A database that was left out is saved when its time has come, without a further change")
    func leftOut() {
        var schedule = quiet()
        schedule.changed(first: at(1), last: at(1))
        schedule.saveBegan()
        schedule.saved(took: .zero, again: at(25))
        #expect(schedule.next(now: at(2)) == .wait(until: at(25)))
        #expect(schedule.next(now: at(25)) == .save)
    }

    @Test("A scan is due after its pause; what it finds is saved at once")
    func scan() {
        var schedule = quiet()
        #expect(schedule.next(now: at(60)) == .scan)
        schedule.scanned(now: at(60), changed: true)
        #expect(schedule.next(now: at(60)) == .save)
        schedule.saveBegan()
        schedule.saved(took: .zero)
        #expect(schedule.next(now: at(61)) == .wait(until: at(120)))
    }

    @Test("Others are asked for news within the interval, and later after failures")
    func follow() {
        var schedule = quiet(poll: .seconds(5))
        #expect(schedule.next(now: start) == .follow)
        for jitter in [0.0, 0.5, 1] {
            schedule.followed(now: at(10), failed: false, jitter: jitter)
            guard case .wait(let until) = schedule.next(now: at(10)) else { break }
            #expect(until <= at(15) && until > at(13))
        }
        for _ in 0..<4 { schedule.followed(now: at(20), failed: true, jitter: 1) }
        #expect(schedule.next(now: at(20)) == .wait(until: at(28)))
    }

    @Test("Saves that take longer than the writer waits keep no other step from its turn")
    func fairness() {
        var schedule = quiet(poll: .seconds(5))
        var steps: Set<String> = []
        var now = 0.0
        for _ in 0..<400 {
            schedule.changed(first: at(now), last: at(now))
            let step = schedule.next(now: at(now))
            steps.insert("\(step)".prefix(4).description)
            switch step {
            case .save:
                schedule.saveBegan()
                now += 10
                schedule.saved(took: .seconds(10))
            case .follow:
                schedule.followed(now: at(now), failed: false, jitter: 1)
            case .scan: schedule.scanned(now: at(now), changed: false)
            case .restore, .wait: now += 0.1
            }
        }
        #expect(steps.isSuperset(of: ["save", "foll", "scan"]))
    }
}
