import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import S3Store

@Suite("Attempts of the S3 client")
struct RetryFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: StubResponse
    }

    static let transient = [
        Fault(testDescription: "500", answer: .status(500)),
        Fault(testDescription: "502", answer: .text("<html>bad gateway</html>", status: 502)),
        Fault(testDescription: "503 SlowDown", answer: .error(503, "SlowDown")),
        Fault(testDescription: "504", answer: .status(504)),
        Fault(testDescription: "429", answer: .status(429)),
        Fault(testDescription: "400 RequestTimeout", answer: .error(400, "RequestTimeout")),
        Fault(testDescription: "200 with an error", answer: .error(200, "InternalError")),
        Fault(testDescription: "closed before the answer", answer: .closeWithoutAnswer),
        Fault(testDescription: "reset", answer: .reset),
        Fault(testDescription: "no HTTP", answer: .raw("SSH-2.0-OpenSSH\r\n".utf8)),
        Fault(
            testDescription: "head cut short", answer: .raw("HTTP/1.1 200 OK\r\nContent-Le".utf8)),
    ]

    @Test("A passing fault is tried again, and the call succeeds", arguments: transient)
    func passes(_ fault: Fault) async throws {
        try await StubbedStore.run({ $0.index < 2 ? fault.answer : .list(["p/a"]) }) { stub in
            let keys = try await stub.store.keys("p/")
            #expect(keys == ["p/a"])
            #expect(stub.server.requests.count == 3)
            #expect(stub.waits.recorded.count == 2)
        }
    }

    @Test("A lasting fault ends after the attempts that are allowed", arguments: transient, [1, 3])
    func lasts(_ fault: Fault, attempts: Int) async throws {
        try await StubbedStore.run({ _ in fault.answer }, configure: { $0.attempts = attempts }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(stub.server.requests.count == attempts)
            #expect(error?.attempts == attempts)
            #expect([.server, .throttled, .unreachable].contains(error?.kind))
        }
    }

    @Test(
        "What another attempt does not change is tried once", arguments: [400, 401, 403, 404, 405, 409, 412, 416, 501])
    func final(_ status: Int) async throws {
        try await StubbedStore.run({ _ in .error(status, "SomeCode") }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(stub.server.requests.count == 1)
            #expect(error?.status == status)
            #expect(error?.code == "SomeCode")
            #expect(error?.requestID == "REQ1")
        }
    }

    @Test("Each attempt is signed anew and carries the whole body")
    func wholeBody() async throws {
        try await StubbedStore.run({ $0.index < 2 ? .status(500) : .wellBehaved($0) }) { stub in
            try await stub.store.write("key", "the body")
            #expect(stub.server.requests.map(\.text) == ["the body", "the body", "the body"])
            #expect(stub.server.requests.allSatisfy { $0.header("authorization") != nil })
        }
    }

    @Test("Retry-After is a lower bound for the wait that follows it, and for no other")
    func retryAfter() async throws {
        let answers: [StubResponse] = [
            .error(503, "SlowDown", headers: [("Retry-After", "7")]), .closeWithoutAnswer, .list(["p/a"]),
        ]
        try await StubbedStore.run({ answers[$0.index] }) { stub in
            let keys = try await stub.store.keys("p/")
            #expect(keys == ["p/a"])
            #expect(stub.waits.recorded.first == .seconds(7))
            #expect(stub.waits.recorded.last.map { $0 < .seconds(1) } == true)
        }
    }

    @Test("Waits grow and are bounded")
    func backoff() async throws {
        try await StubbedStore.run(
            { _ in .error(503, "SlowDown", headers: [("Retry-After", "86400")]) }, configure: { $0.attempts = 8 }
        ) { stub in
            #expect(await failure { _ = try await stub.store.keys("p/") }?.kind == .throttled)
            #expect(stub.waits.recorded.count == 7)
            #expect(stub.waits.recorded.allSatisfy { $0 == .seconds(20) })
        }
    }

    @Test("All calls together make only so many retries while nothing succeeds")
    func tokenBucket() async throws {
        try await StubbedStore.run({ _ in .status(500) }) { stub in
            for _ in 0..<60 { _ = await failure { _ = try await stub.store.keys("p/") } }
            let retries =
                RetryTokenBucket.defaultCapacity / RetryMode.standard2026.cost(isThrottling: false, isTimeout: false)
            #expect(stub.server.requests.count == 60 + retries)
        }
    }

    @Test("A cancelled call sends nothing and is told as cancelled")
    func cancelled() async throws {
        try await StubbedStore.run({ .wellBehaved($0) }) { stub in
            let store = stub.store
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure { _ = try await store.keys("p/") }
            }
            #expect(await task.value?.kind == .cancelled)
            #expect(stub.server.requests.isEmpty)
        }
    }

    @Test("A call that waits for its answer ends when it is cancelled", .timeLimit(.minutes(1)))
    func cancelledWhileWaiting() async throws {
        try await StubbedStore.run({ _ in .hang }) { stub in
            let store = stub.store
            let task = Task { await failure { _ = try await store.keys("p/") } }
            for await _ in stub.server.arrivals { break }
            task.cancel()
            #expect(await task.value?.kind == .cancelled)
            #expect(stub.server.requests.count == 1)
        }
    }

    @Test("A port of something else is told as such")
    func noHTTP() async throws {
        try await StubbedStore.run({ _ in .raw("SSH-2.0-OpenSSH\r\n".utf8) }, configure: { $0.attempts = 2 }) { stub in
            let error = await failure { _ = try await stub.store.keys("p/") }
            #expect(error?.reason.contains("no HTTP") == true, "\(error?.reason ?? "no error")")
        }
    }
}
