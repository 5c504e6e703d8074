import FileIO
import Logging
import NIOConcurrencyHelpers
import NIOPosix

/// Notices changes of an agent's state as they happen, from the kernel's notifications.
struct ChangeDetector: Sendable {
    let places: WatchedPlaces
    let changes: ChangeLog
    /// Is called when something was added to ``changes``, or when ``isComplete`` changed.
    let notify: @Sendable () -> Void
    let logger: Logger
    private let complete = NIOLockedValueBox(false)

    init(_ places: WatchedPlaces, _ changes: ChangeLog, logger: Logger, notify: @escaping @Sendable () -> Void) {
        (self.places, self.changes, self.logger, self.notify) = (places, changes, logger, notify)
    }

    /// Every change is noticed. If not, only scans find all of them.
    var isComplete: Bool { complete.withLockedValue { $0 } }

    /// How often it is looked whether the task was cancelled, and whether missing directories have appeared.
    private static let pause: Int32 = 250

    /// Watches until the task is cancelled, on a thread of its own.
    ///
    /// Where the system gives no watches, it says so and returns; the scans go on.
    func run() async {
        let queue: Inotify
        do { queue = try Inotify() } catch {
            logger.warning(
                "The system tells of no changes; looking for them instead", metadata: ["reason": "\(error)"])
            return
        }
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let table = NIOLockedValueBox(WatchTable(places, queue))
        do {
            try await pool.runIfActive { table.withLockedValue { $0.rebuild() } }
            // What changed before the watches were there.
            announce(table, [[]])
            while !Task.isCancelled {
                let changed = try await pool.runIfActive { () -> [[UInt8]] in
                    let events = queue.wait(milliseconds: Self.pause) ? try queue.read() : []
                    return table.withLockedValue { table in
                        let changed = table.take(events)
                        return table.lookAgain() ? changed + [[]] : changed
                    }
                }
                if !changed.isEmpty || table.withLockedValue({ !$0.isIncomplete }) != isComplete {
                    announce(table, changed)
                }
            }
        } catch {
            logger.warning(
                "The system tells of no more changes; looking for them instead", metadata: ["reason": "\(error)"])
            complete.withLockedValue { $0 = false }
            notify()
        }
        try? await pool.shutdownGracefully()
    }

    private func announce(_ table: NIOLockedValueBox<WatchTable>, _ changed: [[UInt8]]) {
        let isIncomplete = table.withLockedValue { $0.isIncomplete }
        let was = complete.withLockedValue { complete in
            defer { complete = !isIncomplete }
            return complete
        }
        if was, isIncomplete {
            logger.warning(
                "The system allows no more watches on directories; looking for changes instead",
                metadata: ["hint": "Raise fs.inotify.max_user_watches."])
        }
        if !changed.isEmpty { changes.note(changed.filter { !$0.isEmpty }) }
        notify()
    }
}
