import ArgumentParser
import Holdfast

extension PullOptions.Source: ExpressibleByArgument {}

struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Bring the store's state here, all or nothing.",
        discussion: """
            Files that only this machine has stay. Files that did not change here follow the store. A path that changed \
            here and in the store stops the pull before anything is touched (exit code 75), unless --merge or --force \
            says what to do.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @Option(
        help: ArgumentHelp(
            "The snapshot to bring here: an id of holdfast log, latest or latest~N.", valueName: "snapshot"))
    var at: String?
    @Option(help: "Where files come from: snapshots, or mirror for the tree of one object for each file.")
    var source = PullOptions.Source.snapshots
    @Flag(help: "Where both sides changed a file, take the newer one.") var merge = false
    @Flag(help: "Where both sides changed a file, take the store's; what is replaced is kept beside.") var force = false
    @Option(
        help: ArgumentHelp(
            """
            In restored databases, replace a checkout's path by that on this machine. Without it, the checkout that the \
            command runs in is taken where it is certain which one it stands for.
            """, valueName: "old=new"))
    var rebase: String?
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        guard !(merge && force) else { throw ValidationError("--merge and --force exclude each other.") }
        guard rebase.map({ Self.paths(of: $0) != nil }) ?? true else {
            throw ValidationError("--rebase takes two absolute paths: --rebase /old/checkout=/new/checkout.")
        }
        guard at == nil || source == .snapshots else {
            throw ValidationError("The mirror has no snapshots: leave out --at.")
        }
    }

    /// The two paths of `OLD=NEW`.
    private static func paths(of text: String) -> (old: String, new: String)? {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.first == UInt8(ascii: "/") }) else { return nil }
        return (String(parts[0]), String(parts[1]))
    }

    func run() async throws {
        keepFreedMemory()
        let policy: ConflictPolicy = force ? .storeWins : merge ? .newerWins : .stop
        let request = PullOptions(snapshot: at, onConflict: policy, source: source)
        let rebase = rebase.flatMap { Self.paths(of: $0) }
        try await perform("pull", memory, output, failure: { TransferReport(result: .failed($0)) }) {
            settings, console in
            try await Session.open(settings, console) { session in
                var changed = session.memory
                changed.options.rebase = rebase
                if rebase == nil {
                    changed.options.checkout = {
                        await session.console.world.checkout(of: session.location.repository)
                    }
                }
                let memory = changed
                let result = await ProgressBar(label: "pull", progress: session.progress, console: console).run {
                    await memory.pull(request)
                }
                try TransferPrinter(session: session, name: "pull", verb: "downloaded").show(result)
            }
        }
    }
}
