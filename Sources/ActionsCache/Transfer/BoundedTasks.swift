/// Runs `work` for each element, at most `limit` at a time; the next element is taken only once a place is free.
/// - Throws: the first failure, after the others were cancelled and have ended; else `CancellationError`.
func forEachConcurrently<Source: Sequence>(
    _ source: Source, limit: Int, _ work: @escaping @Sendable (Source.Element) async throws -> Void
) async throws where Source.Element: Sendable {
    try await withThrowingTaskGroup(of: Void.self) { group in
        var running = 0
        for element in source {
            if running >= limit {
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
