import Basics
import FileIO
import Holdfast
import HoldfastActions
import Repository

/// What the main phase tells the job: outputs, annotations, and the summary of the step.
struct RestoreSummary {
    let phase: ActionPhase
    let session: Session
    let kind: StoreKind
    let result: RestoreResult

    private var sync: SyncResult { result.sync }

    /// - Throws: `ExitCode` if there was trouble that is to fail the step; `CancellationError`.
    func show() async throws {
        // An interrupted phase says so by its exit code.
        if sync.error?.code == .cancelled { throw CancellationError() }
        let log = phase.runner.log
        for notice in result.notices { log.annotate(.notice, notice) }
        let warnings = self.warnings
        for warning in warnings { log.annotate(.warning, warning) }
        log.say(headline)
        await phase.handOver {
            for (name, value) in outputs { try await phase.runner.setOutput(name, value) }
            if let snapshot = sync.snapshot { try await phase.runner.keep(LastSave.snapshot, snapshot) }
            if let time = sync.snapshotTime { try await phase.runner.keep(LastSave.time, time) }
            try await phase.runner.summarize(summary(warnings))
        }
        if let error = sync.error { try phase.trouble(error) }
    }

    private var outputs: [(String, String)] {
        [
            ("cache-status", result.status.rawValue), ("cache-source", result.source?.rawValue ?? ""),
            ("cache-key", result.key ?? ""), ("snapshot", sync.snapshot ?? ""), ("object-count", "\(sync.objectCount)"),
            ("total-bytes", "\(sync.totalBytes)"), ("duration", SummaryWords.duration(sync)),
        ]
    }

    /// All that the reader should hear of, the reason of a cold start first: a first run alone is no reason to warn.
    private var warnings: [String] {
        var found: [String] = []
        if let reason = result.reason, reason != .absent { found.append(headline) }
        // Somebody who named a directory as the store means it.
        if kind == .file, phase.settings.isDefaultStore {
            found.append(
                "There is no Actions cache here, and s3-backup is not enabled: what the agent remembers ends with this machine."
            )
        }
        return found + SummaryWords.warnings(sync)
    }

    private var headline: String {
        guard result.hit else {
            switch result.reason {
            case nil, .absent?: return "No memory yet at \(place): the agent starts fresh."
            case let reason?:
                return "The agent starts without its memory (\(reason.rawValue)): none of \(place) could be used."
            }
        }
        return "Restored \(SummaryWords.content(sync)) from \(source)."
    }

    private var place: String { kind == .cacheOnly ? "the Actions cache" : session.address }

    private var source: String {
        switch result.source {
        case .cache: "the Actions cache"
        case .s3, .file: session.address
        case nil: "nowhere"
        }
    }

    private func summary(_ warnings: [String]) -> StepSummary {
        var summary = phase.runner.summary(
            result.hit ? "Memory of the agent: restored" : "Memory of the agent: a cold start")
        summary.add("Memory", name: "\(session.location.agent.name) of \(session.location.repository)")
        summary.add("Status", result.status.rawValue + (result.reason.map { " (\($0.rawValue))" } ?? ""))
        if result.hit { summary.add("From", name: source) }
        if let key = result.key { summary.add("Key", name: printable(key.utf8)) }
        if let seed = result.seededFrom { summary.add("Seeded from", name: seed.name) }
        if let snapshot = sync.snapshot { summary.add("Snapshot", name: SummaryWords.snapshot(snapshot)) }
        summary.add("Last good save", SummaryWords.age(sync.snapshotTime))
        summary.add("Content", SummaryWords.content(sync))
        summary.add("Transferred", SummaryWords.transfer(sync))
        summary.add("Duration", Figures.seconds(sync.durationSeconds))
        for warning in warnings { summary.warn(warning) }
        if let error = sync.error { summary.warn(ActionPhase.sentence(error)) }
        return summary
    }
}
