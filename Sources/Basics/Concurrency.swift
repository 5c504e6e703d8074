/// Runs `work` for each element, at most `limit` at a time.
///
/// The next element is taken only once a place is free, so a lazy source is never read ahead of the work.
/// - Parameters:
///   - source: the elements, in order.
///   - limit: how many run at once; at least 1.
/// - Throws: the first failure, after the others were cancelled and have ended; else `CancellationError`.
public func forEachConcurrently<Source: Sequence>(
    _ source: Source, limit: Int, _ work: @escaping @Sendable (Source.Element) async throws -> Void
) async throws where Source.Element: Sendable {
    precondition(limit > 0, "limit must be at least 1")
    // Waiting with next() and not with waitForAll(): the throw leaves the body at once, which cancels the other tasks.
    try await withThrowingTaskGroup(of: Void.self) { group in
        var running = 0
        for element in source {
            if running == limit {
                try await group.next()
                running -= 1
            }
            try Task.checkCancellation()
            group.addTask { try await work(element) }
            running += 1
        }
        while try await group.next() != nil {}
    }
}

/// Work took longer than it was given.
public struct TimeLimitExceeded: Error, Equatable {
    public let limit: Duration

    public init(limit: Duration) { self.limit = limit }
}

/// Runs work that may take a limited time; then it is cancelled and waited for.
/// - Throws: ``TimeLimitExceeded``; what `work` throws.
public func withTimeLimit<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw TimeLimitExceeded(limit: limit) }
        return value
    }
}
