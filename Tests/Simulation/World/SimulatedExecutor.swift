import Foundation
import NIOConcurrencyHelpers

/// Runs the tasks of one simulation on the thread that drains it, in the order in which they became runnable.
///
/// Child tasks and default actors inherit the preference for this executor. What leaves it nevertheless (an
/// unstructured task, a thread pool) comes back on a thread of its own, which ``escapes`` counts: such a run could not
/// be repeated.
package final class SimulatedExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var next = 0
        var escapes = 0
    }

    private let state = NIOLockedValueBox(State())
    private let thread = ThreadID.current

    /// How many jobs came from another thread.
    package var escapes: Int { state.withLockedValue { $0.escapes } }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isForeign = ThreadID.current != thread
        state.withLockedValue {
            $0.jobs.append(job)
            if isForeign { $0.escapes += 1 }
        }
    }

    /// Runs what is runnable, and what becomes so by that.
    package func drain() {
        while let job = takeNext() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func takeNext() -> UnownedJob? {
        state.withLockedValue { state in
            guard state.next < state.jobs.count else {
                state.jobs.removeAll(keepingCapacity: true)
                state.next = 0
                return nil
            }
            defer { state.next += 1 }
            return state.jobs[state.next]
        }
    }
}

/// Which thread this is.
private struct ThreadID: Equatable, Sendable {
    let value: UInt
    #if canImport(Darwin)
        static var current: ThreadID { ThreadID(value: UInt(bitPattern: pthread_self())) }
    #else
        static var current: ThreadID { ThreadID(value: UInt(pthread_self())) }
    #endif
}
