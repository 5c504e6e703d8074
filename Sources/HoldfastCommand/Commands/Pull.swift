import ArgumentParser
import Holdfast

struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the store's state here, all or nothing.",
        discussion: """
            Files that only this machine has stay. Files that did not change here follow the store. A path that changed \
            here and in the store stops the pull before anything is touched (exit code 75), unless --merge or --force \
            says what to do.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @Flag(help: "Where both sides changed a file, take the newer one.") var merge = false
    @Flag(help: "Where both sides changed a file, take the store's; what is replaced is kept beside.") var force = false
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        guard !(merge && force) else { throw ValidationError("--merge and --force exclude each other.") }
    }

    func run() async throws {
        let policy: ConflictPolicy = force ? .storeWins : merge ? .newerWins : .stop
        try await perform("pull", memory, output, failure: { TransferReport(result: .failed($0)) }) {
            settings, console in
            try await Session.open(settings, console) { session in
                let mirror = session.mirror
                let result = await ProgressBar(label: "pull", progress: session.progress, console: console).run {
                    await mirror.pull(onConflict: policy)
                }
                try TransferPrinter(session: session, name: "pull", verb: "downloaded").show(result)
            }
        }
    }
}
