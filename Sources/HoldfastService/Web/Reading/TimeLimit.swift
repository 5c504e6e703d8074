/// Work that took longer than a reader of the page would wait.
struct TookTooLong: Error, Equatable {
    let limit: Duration
}

/// Runs work that may take a limited time; then it is cancelled.
/// - Throws: ``TookTooLong``, what `work` throws.
func withTimeLimit<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw TookTooLong(limit: limit) }
        return value
    }
}
