import Glibc
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import UnixSignals

/// All that one process watches, until it is told to stop.
public struct WatchGroup: Sendable {
    private let services: [any Service]
    private let systemd: SystemdNotifier?
    private let logger: Logger

    /// - Parameters:
    ///   - watches: stop first, all at the same time.
    ///   - companions: what goes along with them, and stops when they have saved what was left.
    ///   - systemd: is told how it goes.
    public init(
        _ watches: [MemoryWatch], companions: [any Service] = [], board: HealthBoard, systemd: SystemdNotifier?,
        logger: Logger
    ) {
        // A group stops its services one by one, from the last to the first.
        services =
            (systemd.map { [SystemdService($0, board: board)] } ?? []) + companions + [MemoryWatches(watches: watches)]
        (self.systemd, self.logger) = (systemd, logger)
    }

    /// How long the last save may take after a signal.
    public static let longestFlush = Duration.seconds(60)

    /// Runs the services until SIGTERM or SIGINT; then each comes to its end. A second signal ends the process at once.
    /// - Throws: what a service throws; then the others come to their ends first.
    public func run() async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map { service in
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: service, successTerminationBehavior: .ignore,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            }, logger: logger)
        configuration.maximumGracefulShutdownDuration = Self.longestFlush
        let group = ServiceGroup(configuration: configuration)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await group.run()
                return true
            }
            tasks.addTask {
                var isStopping = false
                for await signal in signals {
                    if isStopping { _exit(128 + (signal == .sigint ? SIGINT : SIGTERM)) }
                    isStopping = true
                    systemd?.send(.stopping, .status("saving what is left"))
                    await group.triggerGracefulShutdown()
                }
                return false
            }
            while let isOver = try await tasks.next() {
                if isOver { tasks.cancelAll() }
            }
        }
    }
}

/// Watches that stop at the same time.
private struct MemoryWatches: Service {
    let watches: [MemoryWatch]

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for watch in watches { group.addTask { try await watch.run() } }
            try await group.waitForAll()
        }
    }
}
