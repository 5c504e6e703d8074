import NIOConcurrencyHelpers

/// What a change detector has noticed and the scheduler has not yet been told.
final class ChangeLog: Sendable {
    struct Changes: Sendable, Equatable {
        /// When the first of them was noticed.
        let first: ContinuousClock.Instant
        var last: ContinuousClock.Instant
        /// The files, each once, as far as they are counted.
        var files: Set<[UInt8]> = []
    }

    /// More files than this are not told apart.
    private static let mostFiles = 10_000

    private let changes = NIOLockedValueBox<Changes?>(nil)

    /// - Parameter files: in what spelling they are does not matter as long as it is always the same.
    func note(_ files: some Sequence<[UInt8]>, at now: ContinuousClock.Instant = .now) {
        changes.withLockedValue { changes in
            var noted = changes ?? Changes(first: now, last: now)
            noted.last = now
            for file in files where noted.files.count < Self.mostFiles { noted.files.insert(file) }
            changes = noted
        }
    }

    /// Hands out what was noted since the last call; `nil` if that is nothing.
    func take() -> Changes? {
        changes.withLockedValue { changes in
            defer { changes = nil }
            return changes
        }
    }
}
