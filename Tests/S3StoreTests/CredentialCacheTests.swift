import Basics
import Foundation
import NIOConcurrencyHelpers
import Testing

@testable import S3Store

@Suite("Credential cache")
struct CredentialCacheTests {
    private struct Failure: Error {}

    private let clock = TestClock()

    private func cache(
        onResolve: @escaping @Sendable (Credentials) -> Void = { _ in },
        _ resolve: @escaping @Sendable () async throws -> ProvidedCredentials
    ) -> CredentialCache {
        let context = CredentialContext(environment: [:], now: { [clock] in clock.now }, onResolve: onResolve)
        return CredentialCache(context: context, resolve: resolve)
    }

    @Test("one fetch serves all who ask at the same time")
    func singleFlight() async throws {
        let (calls, gate) = (Counter(), Gate())
        let cache = cache {
            calls.increment()
            await gate.pass()
            return ProvidedCredentials(initial: credentials("A"))
        }
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { try await cache.current().accessKeyID } }
            while cache.waiting < 100 { await Task.yield() }
            gate.open()
            for try await key in group { #expect(key == "A") }
        }
        #expect(calls.value == 1)
    }

    @Test("tasks that come while a fetch ends start no second one", arguments: 0..<20)
    func noSecondFetch(_ round: Int) async throws {
        let calls = Counter()
        let cache = cache {
            calls.increment()
            return ProvidedCredentials(initial: credentials("A"))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { _ = try await cache.current() } }
            try await group.waitForAll()
        }
        #expect(calls.value == 1)
    }

    @Test("an error is told to all who wait, and not remembered")
    func errorsDoNotStick() async throws {
        let calls = Counter()
        let cache = cache {
            if calls.increment() == 1 { throw Failure() }
            return ProvidedCredentials(initial: credentials("A"))
        }
        await #expect(throws: Failure.self) { try await cache.current() }
        #expect(try await cache.current().accessKeyID == "A")
    }

    @Test("who is cancelled leaves at once, and the fetch goes on for the others")
    func cancellingOneWaiter() async throws {
        let (calls, gate) = (Counter(), Gate())
        let cache = cache {
            calls.increment()
            await gate.pass()
            try Task.checkCancellation()
            return ProvidedCredentials(initial: credentials("A"))
        }
        let first = Task { try await cache.current() }
        while cache.waiting < 1 { await Task.yield() }
        let second = Task { try await cache.current() }
        while cache.waiting < 2 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.open()
        #expect(try await second.value.accessKeyID == "A")
        #expect(calls.value == 1)
    }

    @Test("the last who leaves ends the fetch, and the next one starts another")
    func cancellingAllWaiters() async throws {
        let (calls, cancelled) = (Counter(), Gate())
        let cache = cache {
            if calls.increment() > 1 { return ProvidedCredentials(initial: credentials("B")) }
            await Gate().pass()
            cancelled.open()
            return ProvidedCredentials(initial: credentials("A"))
        }
        let only = Task { try await cache.current() }
        while cache.waiting < 1 { await Task.yield() }
        only.cancel()
        await #expect(throws: CancellationError.self) { try await only.value }
        await cancelled.pass()
        #expect(try await cache.current().accessKeyID == "B")
        #expect(calls.value == 2)
    }

    @Test("a call that arrives cancelled does nothing")
    func arrivesCancelled() async throws {
        let calls = Counter()
        let cache = cache {
            calls.increment()
            return ProvidedCredentials(initial: credentials("A"))
        }
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { await #expect(throws: CancellationError.self) { try await cache.current() } }
        }
        #expect(calls.value == 0)
    }

    @Test("while newer ones are fetched ahead of time, others go on with the present ones")
    func advisedRefreshDoesNotBlock() async throws {
        let gate = Gate()
        let start = clock.now
        let cache = cache {
            ProvidedCredentials(initial: credentials("OLD", expiration: start + 1000)) {
                await gate.pass()
                return credentials("NEW", expiration: start + 7200)
            }
        }
        #expect(try await cache.current().accessKeyID == "OLD")
        clock.advance(by: 200)
        let refresher = Task { try await cache.current() }
        while cache.waiting < 1 { await Task.yield() }
        #expect(try await cache.current().accessKeyID == "OLD")
        gate.open()
        #expect(try await refresher.value.accessKeyID == "NEW")
        #expect(try await cache.current().accessKeyID == "NEW")
    }

    @Test("a failure ahead of time is ignored for a minute; close to the end it counts")
    func advisedRefreshBacksOff() async throws {
        let calls = Counter()
        let start = clock.now
        let cache = cache {
            ProvidedCredentials(initial: credentials("OLD", expiration: start + 1000)) {
                calls.increment()
                throw Failure()
            }
        }
        clock.advance(by: 200)
        for _ in 0..<10 { #expect(try await cache.current().accessKeyID == "OLD") }
        #expect(calls.value == 1)
        clock.advance(by: 61)
        #expect(try await cache.current().accessKeyID == "OLD")
        #expect(calls.value == 2)
        clock.advance(by: 200)
        await #expect(throws: Failure.self) { try await cache.current() }
    }

    @Test("short sessions are not renewed with each request", arguments: [60.0, 900, 1500])
    func shortSessions(lifetime: Double) async throws {
        let calls = Counter()
        let cache = cache { [clock] in
            ProvidedCredentials {
                calls.increment()
                return credentials("A", expiration: clock.now + lifetime)
            }
        }
        for _ in 0..<10 { _ = try await cache.current() }
        clock.advance(by: lifetime * 0.49)
        _ = try await cache.current()
        #expect(calls.value == 1)
        clock.advance(by: lifetime * 0.2)
        _ = try await cache.current()
        #expect(calls.value == 2)
    }

    @Test("credentials without an end are fetched once")
    func withoutExpiration() async throws {
        let calls = Counter()
        let cache = cache {
            calls.increment()
            return ProvidedCredentials(initial: credentials("A"))
        }
        _ = try await cache.current()
        clock.advance(by: 1e9)
        _ = try await cache.current()
        #expect(calls.value == 1)
    }

    @Test("a rejection starts the search anew, one of older credentials does not")
    func invalidation() async throws {
        let calls = Counter()
        let cache = cache { ProvidedCredentials(initial: credentials("\(calls.increment())")) }
        let first = try await cache.current()
        cache.invalidate()
        let second = try await cache.current()
        #expect(second.accessKeyID == "2")
        cache.invalidate(first)
        #expect(try await cache.current().accessKeyID == "2")
        cache.invalidate(second)
        #expect(try await cache.current().accessKeyID == "3")
    }

    @Test("every set is announced before it is used")
    func announces() async throws {
        let seen = NIOLockedValueBox<[String]>([])
        let start = clock.now
        let cache = cache(onResolve: { new in seen.withLockedValue { $0.append(new.accessKeyID) } }) {
            ProvidedCredentials(initial: credentials("OLD", expiration: start + 1000)) {
                credentials("NEW", expiration: start + 7200)
            }
        }
        _ = try await cache.current()
        #expect(seen.withLockedValue { $0 } == ["OLD"])
        clock.advance(by: 500)
        _ = try await cache.current()
        #expect(seen.withLockedValue { $0 } == ["OLD", "NEW"])
    }

    @Test("holds under many tasks that come, fail and leave at the same time")
    func stress() async throws {
        let calls = Counter()
        let cache = cache {
            let call = calls.increment()
            await Task.yield()
            if call % 3 == 0 { throw Failure() }
            return ProvidedCredentials(initial: credentials("A"))
        }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2000 {
                group.addTask {
                    let task = Task { try await cache.current() }
                    if number % 5 == 0 { task.cancel() }
                    if number % 7 == 0 { cache.invalidate() }
                    switch await task.result {
                    case .success(let credentials): #expect(credentials.accessKeyID == "A")
                    case .failure(let error): #expect(error is Failure || error is CancellationError)
                    }
                }
            }
        }
        #expect(cache.waiting == 0)
        cache.invalidate()
        _ = try? await cache.current()
        _ = try? await cache.current()
        #expect(try await cache.current().accessKeyID == "A")
    }
}
