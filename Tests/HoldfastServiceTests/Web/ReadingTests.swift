import NIOConcurrencyHelpers
import Testing

@testable import HoldfastService

@Suite("What bounds the readers of the status page")
struct ReadingTests {
    @Test("keeps what was used last, up to a weight")
    func cache() {
        let cache = BoundedCache<String, Int>(limit: 10)
        cache.keep(1, as: "a", weight: 4)
        cache.keep(2, as: "b", weight: 4)
        #expect(cache["a"] == 1)
        cache.keep(3, as: "c", weight: 4)
        #expect(cache["b"] == nil)
        #expect(cache["a"] == 1)
        #expect(cache["c"] == 3)
        cache.keep(4, as: "d", weight: 11)
        #expect(cache["d"] == nil)
        #expect(cache.values.sorted() == [1, 3])
        cache.keep(5, as: "a", weight: 10)
        #expect(cache.values == [5])
    }

    @Test("lets one in at a time")
    func turnstile() async throws {
        let turnstile = Turnstile(longestQueue: 100)
        let (inside, most, done) = (NIOLockedValueBox(0), NIOLockedValueBox(0), NIOLockedValueBox(0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await turnstile.pass {
                        let now = inside.withLockedValue { inside in
                            inside += 1
                            return inside
                        }
                        most.withLockedValue { $0 = max($0, now) }
                        await Task.yield()
                        inside.withLockedValue { $0 -= 1 }
                        done.withLockedValue { $0 += 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(most.withLockedValue { $0 } == 1)
        #expect(done.withLockedValue { $0 } == 50)
    }

    @Test("sends away who finds a long queue, and who gives up leaves the queue")
    func crowd() async throws {
        let turnstile = Turnstile(longestQueue: 1)
        let (entered, leave) = (AsyncStream.makeStream(of: Void.self), AsyncStream.makeStream(of: Void.self))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await turnstile.pass {
                    entered.continuation.yield()
                    for await _ in leave.stream { break }
                }
            }
            for await _ in entered.stream { break }
            let second = Task { try await turnstile.pass {} }
            while turnstile.waiting < 1 { await Task.yield() }
            await #expect(throws: Turnstile.Crowded.self) { try await turnstile.pass {} }
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            #expect(turnstile.waiting == 0)
            leave.continuation.finish()
            try await group.waitForAll()
        }
        try await turnstile.pass {}
    }
}
