import NIOConcurrencyHelpers

/// Lets one task sleep until another one has news, or until a time. News that comes while nobody sleeps is not lost.
final class WakeUp: Sendable {
    private struct State {
        var hasNews = false
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let state = NIOLockedValueBox(State())

    /// There is something to look at.
    func set() {
        let sleeper = state.withLockedValue { state in
            state.hasNews = true
            defer { state.sleeper = nil }
            return state.sleeper
        }
        sleeper?.resume()
    }

    /// Returns at the first news since the last call, at the deadline, or when the task is cancelled.
    func wait(until deadline: ContinuousClock.Instant) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                guard (try? await ContinuousClock().sleep(until: deadline)) != nil else { return }
                self.set()
            }
            await sleep()
            group.cancelAll()
        }
    }

    private func sleep() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isAwake = state.withLockedValue { state in
                    guard !state.hasNews, !Task.isCancelled else { return true }
                    state.sleeper = continuation
                    return false
                }
                if isAwake { continuation.resume() }
            }
        } onCancel: {
            set()
        }
        state.withLockedValue { $0.hasNews = false }
    }
}
