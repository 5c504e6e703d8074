import ArgumentParser
import Basics
import Holdfast
import HoldfastService
import Logging

extension WatchOptions.Detection: ExpressibleByArgument {}

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Keep the state in the store for as long as an agent runs.",
        discussion: """
            Brings the store's state here, then saves each change once the writer falls silent, within five seconds under \
            continuous writing. A store that fails is tried again, and what changed meanwhile is saved after it. SIGTERM \
            and SIGINT save what is left, then end the command. With 'memories' in the config file, several are watched.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @Flag(inversion: .prefixedNo, help: "Bring the store's state here first, as pull --merge does.") var restore = true
    @Option(
        help: ArgumentHelp(
            "Begin an empty memory with the one of this identity; may be repeated, the first that has one counts.",
            valueName: "agent"))
    var shareFrom: [String] = []
    @Option(
        help: ArgumentHelp(
            "Keep bringing another identity's new sessions here; may be repeated.", valueName: "agent"))
    var follow: [String] = []
    @Option(
        help: ArgumentHelp("How often to look at a followed identity.", valueName: "time"), transform: TimeSpan.init)
    var pollInterval = TimeSpan.five
    @Option(
        help: ArgumentHelp("How often to look for changes that the system did not tell of.", valueName: "time"),
        transform: TimeSpan.init)
    var scanInterval = TimeSpan.minute
    @Option(
        help: ArgumentHelp("How often a database of more than 1 GiB is saved at the most.", valueName: "time"),
        transform: TimeSpan.init)
    var largeDatabaseInterval = TimeSpan.halfMinute
    @Option(help: "How changes are noticed: auto, or scan for directories that another machine writes to.")
    var detect = WatchOptions.Detection.auto
    @Flag(help: "Leave credentials in the stored copies of databases. Whoever may read the store can then use them.")
    var keepDatabaseSecrets = false
    @OptionGroup(title: "Status page") var page: StatusPageOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let command = self
        try await perform("watch", memory, output, handlesSignals: true) { settings, console in
            let file: ConfigFile? =
                if let path = command.memory.config { try await ConfigFile(path: path) } else { nil }
            let plan = try await WatchPlan(
                command.memory, settings, file, follow: command.follow, shareFrom: command.shareFrom,
                world: console.world)
            try await open(plan.items[...], console) { sessions in
                try await command.watch(plan, sessions, console)
            }
        }
    }

    private var options: WatchOptions {
        var options = WatchOptions()
        options.restores = restore
        options.detection = detect
        options.pollInterval = pollInterval.duration
        options.scanInterval = scanInterval.duration
        options.largeDatabaseInterval = largeDatabaseInterval.duration
        return options
    }

    private func watch(_ plan: WatchPlan, _ sessions: [Session], _ console: Console) async throws {
        let board = HealthBoard(
            zip(plan.items, sessions).map { item, session in
                MemoryHealth(
                    id: item.id, repository: session.location.repository, agent: session.location.agent.name,
                    location: session.address, storage: item.settings.storage)
            })
        var watches: [MemoryWatch] = []
        for (item, session) in zip(plan.items, sessions) {
            var options = options
            let memory = await session.watched(item, as: nil, keepsSecrets: keepDatabaseSecrets)
            for other in item.follow { options.follows.append(await session.watched(item, as: other)) }
            for other in item.shareFrom { options.shareFrom.append(await session.watched(item, as: other)) }
            watches.append(
                MemoryWatch(
                    id: item.id, memory: memory, options: options, board: board, meter: session.meter,
                    logger: console.logger))
        }
        let server = try await page.server(board, zip(plan.items, sessions).map { ($0.id, $1) }, console)
        for (item, session) in zip(plan.items, sessions) {
            console.logger.notice(
                "Watching", metadata: ["memory": "\(session.address)", "storage": "\(item.settings.storage)"])
        }
        let group = WatchGroup(
            watches, companions: server.map { [$0] } ?? [], board: board,
            systemd: SystemdNotifier(environment: console.world.environment), logger: console.quietLogger)
        try await group.run()
        try show(board, console)
    }

    /// - Throws: `ExitCode` if something is on the disk that is not in the store.
    private func show(_ board: HealthBoard, _ console: Console) throws {
        let memories = board.memories
        console.report(WatchReport(memories))
        for memory in memories {
            let saved = "\(Figures.count(memory.snapshotsSaved, "snapshot")) saved"
            console.say(
                "\(memory.location): \(saved), \(Figures.count(memory.files, "file")), \(Figures.bytes(memory.totalBytes))"
            )
        }
        let unsaved = memories.filter { $0.failuresSince > 0 }
        guard let first = unsaved.first else { return }
        console.fail(
            "watch",
            SyncError(
                code: first.errors.first?.code ?? .failed,
                message: "the last changes of '\(first.location)' are not in the store; they are still on this machine",
                hint: "The next watch or push saves them."),
            details: unsaved.compactMap { memory in memory.errors.first.map { "\(memory.id): \($0.message)" } })
        throw ExitCode(Exit.failed)
    }
}

/// Opens the stores of all memories, one within the other, so that all are closed in the end.
private func open(
    _ items: ArraySlice<WatchPlan.Item>, _ console: Console, _ opened: [Session] = [],
    _ body: ([Session]) async throws -> Void
) async throws {
    guard let item = items.first else { return try await body(opened) }
    try await Session.open(item.settings, console) { session in
        try await open(items.dropFirst(), console, opened + [session], body)
    }
}

extension Session {
    /// A memory that is watched, or the one of another identity for the same storage directory.
    fileprivate func watched(
        _ item: WatchPlan.Item, as other: AgentIdentity?, keepsSecrets: Bool = false
    ) async -> Memory {
        var memory = memory(as: other)
        memory.options.database = item.database
        memory.options.keepsDatabaseSecrets = keepsSecrets
        // Asked once: a daemon stays where it was started.
        let checkout = await console.world.checkout(of: location.repository)
        memory.options.checkout = { checkout }
        return memory
    }
}

/// What `watch --json` prints at its end.
private struct WatchReport: Encodable {
    struct Memory: Encodable {
        let id: String
        let memory: String
        let storage: String
        let saves: Int
        let snapshotsSaved: Int
        let failures: Int
        @OrNull var snapshot: String?
        let objectCount: Int
        let totalBytes: Int64
        let requests: Int
    }

    let success: Bool
    let memories: [Memory]

    init(_ memories: [MemoryHealth]) {
        success = memories.allSatisfy { $0.failuresSince == 0 }
        self.memories = memories.map { health in
            Memory(
                id: health.id, memory: health.location, storage: health.storage, saves: health.saves,
                snapshotsSaved: health.snapshotsSaved, failures: health.failuresByReason.values.reduce(0, +),
                snapshot: health.snapshot, objectCount: health.files,
                totalBytes: health.totalBytes, requests: health.requests)
        }
    }
}

extension TimeSpan {
    fileprivate static let five = TimeSpan(seconds: 5)
    fileprivate static let minute = TimeSpan(seconds: 60)
    fileprivate static let halfMinute = TimeSpan(seconds: 30)
}
