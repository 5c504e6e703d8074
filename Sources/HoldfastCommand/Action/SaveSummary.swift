import Basics
import FileIO
import Holdfast
import HoldfastActions

/// What the post phase tells the job: annotations, and the summary of the step.
struct SaveSummary {
    let phase: ActionPhase
    let session: Session
    let kind: StoreKind
    let result: WriteThroughResult
    /// Saves that failed since the last good one, as far as this machine remembers; this one included.
    let failuresSince: Int

    private var sync: SyncResult { result.sync }

    /// - Throws: `ExitCode` if there was trouble that is to fail the step; `CancellationError`.
    func show() async throws {
        if sync.error?.code == .cancelled { throw CancellationError() }
        let log = phase.runner.log
        for notice in result.notices { log.annotate(.notice, notice) }
        for warning in SummaryWords.warnings(sync) { log.annotate(.warning, warning) }
        log.say(headline)
        await phase.handOver { try await phase.runner.summarize(summary) }
        if let error = sync.error { try phase.trouble(error) }
    }

    private var isSaved: Bool { result.store == .saved || result.cache == .saved || result.cache == .exists }

    private var headline: String {
        if result.isEmpty { return "Nothing to save: \(session.settings.storage) is empty or does not exist." }
        let words = "store: \(result.store.rawValue), Actions cache: \(result.cache.rawValue)"
        return "\(isSaved ? "Saved" : "Not saved:") \(SummaryWords.content(sync)) (\(words))."
    }

    private var summary: StepSummary {
        var summary = phase.runner.summary(
            result.isEmpty
                ? "Memory of the agent: nothing to save"
                : isSaved ? "Memory of the agent: saved" : "Memory of the agent: not saved")
        summary.add("Memory", name: "\(session.location.agent.name) of \(session.location.repository)")
        if kind != .cacheOnly {
            summary.add("Store", result.store.rawValue)
            summary.add("Store at", name: session.address)
        }
        summary.add("Actions cache", result.cache.rawValue + (result.cacheBytes.map { ", \(Figures.bytes($0))" } ?? ""))
        if let key = result.cacheKey { summary.add("Key", name: printable(key.utf8)) }
        if let snapshot = sync.snapshot { summary.add("Snapshot", name: SummaryWords.snapshot(snapshot)) }
        summary.add("Content", SummaryWords.content(sync))
        summary.add("Transferred", SummaryWords.transfer(sync))
        summary.add("Duration", Figures.seconds(sync.durationSeconds))
        summary.add("Last good save", lastSave)
        for warning in SummaryWords.warnings(sync) { summary.warn(warning) }
        if let error = sync.error { summary.warn(ActionPhase.sentence(error)) }
        return summary
    }

    /// What a next run will find.
    private var lastSave: String {
        if isSaved { return "just now" }
        let last = phase.runner.kept(LastSave.time).map(SummaryWords.age) ?? "none that this run knows of"
        return "\(last), \(failuresSince) failed since"
    }
}

/// What the main phase tells the post phase of the snapshot that was there.
enum LastSave {
    static let snapshot = "snapshot"
    static let time = "snapshot-time"
}
