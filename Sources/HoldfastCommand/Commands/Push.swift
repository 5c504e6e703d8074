import ArgumentParser
import Holdfast

struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Upload local state to the store.",
        discussion: """
            The state becomes a new snapshot, merged with whatever others saved since this machine synchronised last. Only \
            what the store does not have yet is sent. Credentials, keys, temporary files and SQLite's side files are never \
            stored.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @Flag(
        help: """
            Leave credentials in the stored copies of databases. Whoever may read the store can then use them.
            """)
    var keepDatabaseSecrets = false
    @Option(
        help: ArgumentHelp(
            """
            Save into the memory of another identity instead, merged with what is there: for a bot that calls this at the \
            end of a session.
            """, valueName: "agent"))
    var to: String?
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let (keepsSecrets, to) = (keepDatabaseSecrets, to)
        try await perform("push", memory, output, failure: { TransferReport(result: .failed($0)) }) {
            settings, console in
            var settings = settings
            if let to { settings.agent = try located("--to") { try AgentIdentity(to) } }
            try await Session.open(settings, console) { session in
                var changed = session.memory
                changed.options.keepsDatabaseSecrets = keepsSecrets
                let memory = changed
                let result = await ProgressBar(label: "push", progress: session.progress, console: console).run {
                    await memory.push()
                }
                try TransferPrinter(session: session, name: "push", verb: "uploaded").show(result)
            }
        }
    }
}
