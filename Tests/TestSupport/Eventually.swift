import Foundation

/// Waits until a condition holds, looking again and again.
/// - Parameters:
///   - what: names the condition in the message.
///   - limit: far more than it takes on a busy machine.
/// - Throws: ``NeverHappened`` after `limit`; what the condition throws.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while try await !condition() {
        guard clock.now < end else { throw NeverHappened(description: "\(what): not within \(limit)") }
        try await clock.sleep(for: .milliseconds(20))
    }
}

/// A condition that did not come to hold.
public struct NeverHappened: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}
