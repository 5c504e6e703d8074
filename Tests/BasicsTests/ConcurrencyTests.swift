import Basics
import NIOConcurrencyHelpers
import Testing

@Suite("Concurrency")
struct ConcurrencyTests {
    @Test("Never more run at once than allowed, and all run", arguments: [1, 2, 7, 100])
    func limit(_ limit: Int) async throws {
        struct Count { var running = 0, most = 0, done = 0 }
        let count = NIOLockedValueBox(Count())
        try await forEachConcurrently(0..<50, limit: limit) { _ in
            count.withLockedValue {
                $0.running += 1
                $0.most = max($0.most, $0.running)
            }
            for _ in 0..<20 { await Task.yield() }
            count.withLockedValue {
                $0.running -= 1
                $0.done += 1
            }
        }
        #expect(count.withLockedValue { $0.most } <= limit)
        #expect(count.withLockedValue { $0.done } == 50)
    }

    @Test("The first failure ends the others, and is the one that is told")
    func firstFailure() async {
        struct Planned: Error, Equatable { let number: Int }
        let started = NIOLockedValueBox(0)
        await #expect(throws: Planned(number: 3)) {
            try await forEachConcurrently(0..<1000, limit: 4) { number in
                started.withLockedValue { $0 += 1 }
                if number == 3 { throw Planned(number: 3) }
                // Ends by cancellation only; that error must not take the place of the cause.
                if number < 4 { try await Task.sleepForever() }
            }
        }
        #expect(started.withLockedValue { $0 } < 1000)
    }

    @Test("The source is not read ahead of the work")
    func laziness() async throws {
        let taken = NIOLockedValueBox(0)
        let done = NIOLockedValueBox(0)
        let source = (0..<30).lazy.map { number in
            let ahead =
                taken.withLockedValue { count -> Int in
                    count += 1
                    return count
                } - done.withLockedValue { $0 }
            #expect(ahead <= 4)
            return number
        }
        try await forEachConcurrently(source, limit: 3) { _ in done.withLockedValue { $0 += 1 } }
        #expect(taken.withLockedValue { $0 } == 30)
    }

    @Test("Work that takes too long is cancelled, and says what the limit was")
    func timeLimit() async throws {
        #expect(try await withTimeLimit(.seconds(60)) { 3 } == 3)
        let never = AsyncStream.makeStream(of: Int.self)
        await #expect(throws: TimeLimitExceeded(limit: .milliseconds(1))) {
            try await withTimeLimit(.milliseconds(1)) {
                for await _ in never.stream { return }
                // The stream ends when the task is cancelled, and then the limit has been reported.
                try Task.checkCancellation()
            }
        }
    }
}

extension Task where Success == Never, Failure == Never {
    /// Waits until the task is cancelled.
    fileprivate static func sleepForever() async throws {
        let (stream, _) = AsyncStream<Never>.makeStream()
        for await _ in stream {}
        try Task.checkCancellation()
    }
}
