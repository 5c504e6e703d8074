import FoundationEssentials
import Holdfast
import Logging
import ObjectStore
import ServiceLifecycle

/// Keeps one memory in its store for as long as an agent runs.
///
/// HoldfastService is the part of Holdfast that lives long: it notices changes (``ChangeDetector``), decides when to save
/// (``WatchSchedule``, a state machine without a clock), lets `Memory` do it, one step at a time, and tells a ``HealthBoard``.
/// A store that fails is tried again later; nothing but its own end stops a watch. On a graceful shutdown it saves what is
/// left, then returns.
public struct MemoryWatch: Service {
    let id: String
    let memory: Memory
    let options: WatchOptions
    let board: HealthBoard
    let meter: TransferMeter
    let logger: Logger
    /// Is called once: the first restore has been tried, and changes are noticed.
    let onReady: @Sendable () -> Void

    /// - Parameters:
    ///   - id: of the memory on the board.
    ///   - meter: counts what the store does.
    public init(
        id: String, memory: Memory, options: WatchOptions, board: HealthBoard, meter: TransferMeter, logger: Logger,
        onReady: @escaping @Sendable () -> Void = {}
    ) {
        (self.id, self.memory, self.options, self.board) = (id, memory, options, board)
        (self.meter, self.onReady) = (meter, onReady)
        var logger = logger
        logger[metadataKey: "memory"] = "\(id)"
        self.logger = logger
    }

    /// Watches until a graceful shutdown, or until the task is cancelled.
    /// - Throws: `CancellationError` if it was cancelled, so that not everything may be saved.
    public func run() async throws {
        let (changes, wake) = (ChangeLog(), WakeUp())
        let detector = ChangeDetector(
            WatchedPlaces(
                storage: memory.options.storage, database: memory.options.database,
                exclusions: memory.options.exclusions),
            changes, logger: logger
        ) { wake.set() }
        let run = WatchRun(watch: self, changes: changes, wake: wake, detector: detector)
        try await withThrowingTaskGroup(of: Void.self) { group in
            if options.detection == .auto { group.addTask { await detector.run() } }
            try await withGracefulShutdownHandler {
                var run = run
                try await run.untilStopped()
            } onGracefulShutdown: {
                run.stop()
            }
            group.cancelAll()
        }
    }
}
