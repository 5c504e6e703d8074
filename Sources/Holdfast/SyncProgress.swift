import NIOConcurrencyHelpers

/// How far a sync has come, for whoever wants to watch it.
public final class SyncProgress: Sendable {
    public struct State: Sendable, Equatable {
        public var doneFiles = 0
        public var allFiles = 0
        public var doneBytes: Int64 = 0
        public var allBytes: Int64 = 0

        public init(doneFiles: Int = 0, allFiles: Int = 0, doneBytes: Int64 = 0, allBytes: Int64 = 0) {
            self.doneFiles = doneFiles
            self.allFiles = allFiles
            self.doneBytes = doneBytes
            self.allBytes = allBytes
        }
    }

    private let state = NIOLockedValueBox(State())

    public init() {}

    public var now: State { state.withLockedValue { $0 } }

    /// Says how far something else than a sync is.
    public func set(_ now: State) { state.withLockedValue { $0 = now } }

    func begin(files: Int, bytes: Int64) {
        state.withLockedValue { $0 = State(allFiles: files, allBytes: bytes) }
    }

    func finished(files: Int = 0, bytes: Int64 = 0) {
        state.withLockedValue {
            $0.doneFiles += files
            $0.doneBytes += bytes
        }
    }
}
