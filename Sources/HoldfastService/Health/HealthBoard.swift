import FoundationEssentials
import NIOConcurrencyHelpers

/// The health of all memories that a process watches: the watchers write it, whoever is asked for it reads it.
public final class HealthBoard: Sendable {
    private let state: NIOLockedValueBox<[MemoryHealth]>
    /// When the process began to watch.
    public let started: Date

    public init(_ memories: [MemoryHealth] = [], started: Date = Date()) {
        state = NIOLockedValueBox(memories)
        self.started = started
    }

    /// All memories, in the order in which they were configured.
    public var memories: [MemoryHealth] { state.withLockedValue { $0 } }

    public subscript(_ id: String) -> MemoryHealth? { memories.first { $0.id == id } }

    /// Changes what is known of one memory; nothing happens if there is none of this id.
    public func update(_ id: String, _ change: (inout MemoryHealth) -> Void) {
        state.withLockedValue { memories in
            guard let index = memories.firstIndex(where: { $0.id == id }) else { return }
            change(&memories[index])
        }
    }
}
