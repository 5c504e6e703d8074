import ArgumentParser
import Holdfast

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Bring the newest state from the Actions cache and the store; never fails the run.",
        discussion: """
            What this machine has stays; where both sides changed a file, the newer one wins. A miss is no error. A state that \
            is corrupt, or of another version, is put aside until the next save, and the agent starts clean. Trouble is a \
            warning and exit code 0, unless --strict says otherwise.

            Policies: newest asks the cache, then the store for what is newer; cache-first asks the store only where the \
            cache has nothing that can be used; store-first the other way round.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @Option(
        help: ArgumentHelp(
            "newest, cache-first or store-first. Overrides HOLDFAST_RESTORE_POLICY; default newest.",
            valueName: "policy"))
    var restorePolicy: String?
    @Option(
        help: ArgumentHelp(
            "Another agent whose memory seeds an empty one; may be repeated. Overrides HOLDFAST_SHARE_FROM.",
            valueName: "name"))
    var shareFrom: [String] = []
    @OptionGroup(title: "Cache") var cache: CacheOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        keepFreedMemory()
        var flags = cache.given
        if let restorePolicy { flags[.restorePolicy] = restorePolicy }
        if !shareFrom.isEmpty { flags[.shareFrom] = shareFrom.joined(separator: ",") }
        try await performGently("restore", memory, flags, output, failure: { RestoreReport(result: .failed($0)) }) {
            settings, console in
            let place = try WriteThroughPlace(settings, console)
            try await place.open { session, kind in
                let request = RestoreRequest(
                    policy: settings.restorePolicy, store: kind, cache: place.cache, shareFrom: settings.shareFrom)
                var changed = session.memory
                changed.options.checkout = { await session.console.world.checkout(of: session.location.repository) }
                let memory = changed
                let result = await ProgressBar(label: "restore", progress: session.progress, console: console).run {
                    await memory.restore(request)
                }
                try CachePrinter(session: session, kind: kind).show(result)
            }
        }
    }
}
