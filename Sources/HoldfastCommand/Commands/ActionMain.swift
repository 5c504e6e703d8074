import ArgumentParser
import Holdfast
import HoldfastActions

struct ActionMain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "main", abstract: "Restore the agent's memory at the start of a job.")

    func run() async throws {
        keepFreedMemory()
        try await ActionPhase.run("main", isFirst: true) { phase in
            let place = try WriteThroughPlace(phase.settings, phase.console)
            try await place.open { session, kind in
                let request = RestoreRequest(
                    policy: phase.settings.restorePolicy, store: kind, cache: place.cache,
                    shareFrom: phase.settings.shareFrom)
                var changed = session.memory
                changed.options.checkout = { await session.console.world.checkout(of: session.location.repository) }
                let memory = changed
                let result = await phase.runner.log.group("Restore the agent's memory") {
                    await memory.restore(request)
                }
                try await RestoreSummary(phase: phase, session: session, kind: kind, result: result).show()
            }
        }
    }
}
