import ArgumentParser
import Holdfast

struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Upload local state to the store.",
        discussion: """
            Only what the store does not have yet is sent; nothing is deleted there. Credentials, keys, temporary files \
            and SQLite's side files are never stored.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        try await perform("push", memory, output, failure: { TransferReport(result: .failed($0)) }) {
            settings, console in
            try await Session.open(settings, console) { session in
                let mirror = session.mirror
                let result = await ProgressBar(label: "push", progress: session.progress, console: console).run {
                    await mirror.push()
                }
                try TransferPrinter(session: session, name: "push", verb: "uploaded").show(result)
            }
        }
    }
}
