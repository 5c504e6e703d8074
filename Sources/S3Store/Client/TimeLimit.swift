/// Runs work that may take a limited time; then it is cancelled.
/// - Throws: what `work` throws; `CancellationError` when the time is over.
func withTimeLimit(_ limit: Duration, _ work: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask(operation: work)
        group.addTask {
            try await Task.sleep(for: limit)
            throw CancellationError()
        }
        defer { group.cancelAll() }
        try await group.next()
    }
}
