import Foundation
import NIOConcurrencyHelpers

@testable import S3Store

final class Counter: Sendable {
    private let count = NIOLockedValueBox(0)
    var value: Int { count.withLockedValue { $0 } }
    @discardableResult func increment() -> Int {
        count.withLockedValue { count in
            count += 1
            return count
        }
    }
}

/// Something that happens once, and can be waited for.
final class Gate: Sendable {
    private let stream: AsyncStream<Never>
    private let continuation: AsyncStream<Never>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func open() { continuation.finish() }

    /// Also returns if the task is cancelled.
    func pass() async { for await _ in stream {} }
}

/// A clock that stands still until it is set.
final class TestClock: Sendable {
    private let time = NIOLockedValueBox(Date(timeIntervalSince1970: 1_700_000_000))
    var now: Date { time.withLockedValue { $0 } }
    func advance(by seconds: Double) { time.withLockedValue { $0 += seconds } }
}

/// Answers requests in memory.
struct AnsweringHTTP: CredentialHTTP {
    let answer: @Sendable (CredentialRequest) async throws -> CredentialResponse

    func send(_ request: CredentialRequest) async throws -> CredentialResponse { try await answer(request) }
}

func credentials(_ key: String, expiration: Date? = nil) -> Credentials {
    Credentials(accessKeyID: key, secretAccessKey: "secret-\(key)", expiration: expiration, provider: "test")
}
