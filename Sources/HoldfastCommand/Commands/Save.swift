import ArgumentParser
import Holdfast

struct Save: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save",
        abstract: "Save local state to the store and the Actions cache; never fails the run.",
        discussion: """
            Both are tried whatever becomes of the other, the store first. An empty state saves nothing. A run that somebody \
            without write access can start, such as that of a pull request from a fork, never writes to the store. Trouble is \
            a warning and exit code 0, unless --strict says otherwise.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Cache") var cache: CacheOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        try await performGently("save", memory, cache.given, output, failure: { SaveReport(result: .failed($0)) }) {
            settings, console in
            let place = try WriteThroughPlace(settings, console)
            try await place.open { session, kind in
                let trust = await EventTrust.of(console.world.environment)
                let request = WriteThroughRequest(store: kind, cache: place.cache, trust: trust)
                let memory = session.memory
                let result = await ProgressBar(label: "save", progress: session.progress, console: console).run {
                    await memory.save(request)
                }
                try CachePrinter(session: session, kind: kind).show(result)
            }
        }
    }
}
