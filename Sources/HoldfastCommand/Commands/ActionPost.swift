import ArgumentParser
import Holdfast
import HoldfastActions

struct ActionPost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "post", abstract: "Save the agent's memory at the end of a job.")

    func run() async throws {
        try await ActionPhase.run("post", isFirst: false) { phase in
            guard phase.request.saves else {
                phase.runner.log.say("The input save is false: nothing is saved.")
                return
            }
            let place = try WriteThroughPlace(phase.settings, phase.console)
            try await place.open { session, kind in
                let request = WriteThroughRequest(
                    store: kind, cache: place.cache, trust: await EventTrust.of(phase.console.world.environment))
                let memory = session.memory
                let result = await phase.runner.log.group("Save the agent's memory") { await memory.save(request) }
                let failures = await memory.saveRecord(newest: nil)?.failuresSince ?? 0
                try await SaveSummary(
                    phase: phase, session: session, kind: kind, result: result, failuresSince: failures
                ).show()
            }
        }
    }
}
