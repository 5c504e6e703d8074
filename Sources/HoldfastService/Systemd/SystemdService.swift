import FoundationEssentials
import ServiceLifecycle

/// Tells systemd that all memories are watched, how they are, and that the process lives.
public struct SystemdService: Service {
    let notifier: SystemdNotifier
    let board: HealthBoard

    public init(_ notifier: SystemdNotifier, board: HealthBoard) {
        (self.notifier, self.board) = (notifier, board)
    }

    /// Runs until a graceful shutdown. As the first of the services it is the last to be shut down.
    public func run() async throws {
        await cancelWhenGracefulShutdown { await untilCancelled() }
    }

    private func untilCancelled() async {
        var isReady = false
        var last = ""
        let pause = min(.seconds(1), (notifier.watchdog ?? .seconds(2)) / 2)
        while !Task.isCancelled {
            let memories = board.memories
            if !isReady, memories.allSatisfy({ ![.starting, .restoring].contains($0.state) }) {
                isReady = true
                notifier.send(.ready)
            }
            let words = Self.words(memories)
            if words != last { notifier.send(.status(words)) }
            last = words
            if notifier.watchdog != nil { notifier.send(.alive) }
            try? await Task.sleep(for: pause)
        }
    }

    /// What `systemctl status` shows.
    static func words(_ memories: [MemoryHealth], now: Date = Date()) -> String {
        let retrying = memories.filter { $0.state == .retrying }
        let count = memories.count == 1 ? "1 memory" : "\(memories.count) memories"
        if let worst = retrying.first {
            return "\(count), \(retrying.count) not saved: \(worst.errors.first?.message ?? "the store fails")"
        }
        let saves = memories.reduce(0) { $0 + $1.snapshotsSaved }
        return "\(count) watched, \(saves) \(saves == 1 ? "snapshot" : "snapshots") saved"
    }
}
