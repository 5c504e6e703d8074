import Basics
import NIOConcurrencyHelpers

/// Lets one task in at a time, in the order in which they come. Those who find a long queue are sent away.
///
/// Readers of the page must not keep the store from the saves, however many they are; and whoever waited finds in the cache
/// what the one before has fetched.
final class Turnstile: Sendable {
    /// There are too many who wait.
    struct Crowded: Error {}

    private struct State {
        var isTaken = false
        var next: UInt64 = 0
        var queue: [(ticket: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
        /// Tickets that were cancelled before they were in the queue.
        var cancelled: Set<UInt64> = []
    }

    private let longestQueue: Int
    private let state = NIOLockedValueBox(State())

    init(longestQueue: Int = 16) { self.longestQueue = longestQueue }

    /// How many wait.
    var waiting: Int { state.withLockedValue { $0.queue.count } }

    /// - Throws: ``Crowded``, `CancellationError`, what `work` throws.
    func pass<Value: Sendable>(_ work: @Sendable () async throws -> Value) async throws -> Value {
        try await enter()
        defer { leave() }
        return try await work()
    }

    private func enter() async throws {
        let ticket = state.withLockedValue { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<Void, any Error>? = state.withLockedValue { state in
                    if state.cancelled.remove(ticket) != nil { return .failure(CancellationError()) }
                    if !state.isTaken {
                        state.isTaken = true
                        return .success(())
                    }
                    guard state.queue.count < longestQueue else { return .failure(Crowded()) }
                    state.queue.append((ticket, continuation))
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiting = state.withLockedValue { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.queue.firstIndex(where: { $0.ticket == ticket }) else {
                    state.cancelled.insert(ticket)
                    return nil
                }
                return state.queue.remove(at: index).continuation
            }
            waiting?.resume(throwing: CancellationError())
        }
        // A ticket that was cancelled when it was in already is not asked for again.
        state.withLockedValue { _ = $0.cancelled.remove(ticket) }
    }

    private func leave() {
        let next = state.withLockedValue { state -> CheckedContinuation<Void, any Error>? in
            guard !state.queue.isEmpty else {
                state.isTaken = false
                return nil
            }
            return state.queue.removeFirst().continuation
        }
        next?.resume()
    }
}
