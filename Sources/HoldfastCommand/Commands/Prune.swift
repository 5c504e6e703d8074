import ArgumentParser
import Basics
import Holdfast
import Repository

struct Prune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove old snapshots, and packs that no kept snapshot needs.",
        discussion: """
            A snapshot is kept if it is one of the newest, young enough, or a head. A pack goes only after it was seen \
            unused by two prunes with the grace between them, so that running saves are safe: run prune regularly. \
            Ages are by the store's clock. Times are written as 90s, 15m, 24h, 30d or 4w.
            """)

    @Option(help: ArgumentHelp("Keep so many of the newest snapshots (default: 16).", valueName: "n")) var keepLast:
        Int?
    @Option(
        help: ArgumentHelp("Keep snapshots that are younger (default: 30d).", valueName: "time"),
        transform: TimeSpan.init)
    var keepWithin: TimeSpan?
    @Option(
        help: ArgumentHelp("Leave everything alone that is younger (default: 24h).", valueName: "time"),
        transform: TimeSpan.init)
    var grace: TimeSpan?
    @Flag(help: "Change nothing, and show what would be removed.") var dryRun = false
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        if let keepLast, keepLast < 1 { throw ValidationError("--keep-last must be at least 1.") }
    }

    private var policy: PrunePolicy {
        var policy = PrunePolicy()
        if let keepLast { policy.keepLast = keepLast }
        if let keepWithin { policy.keepWithin = keepWithin.duration }
        if let grace { policy.grace = grace.duration }
        return policy
    }

    func run() async throws {
        let (policy, dryRun) = (policy, dryRun)
        try await perform("prune", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                if policy.grace < .seconds(3600) {
                    console.note("with a grace of less than 1h, a save that is running now may be damaged")
                }
                let report = try await session.repository.prune(policy, dryRun: dryRun)
                let error = problem(report)
                console.report(PruneObject(report, dryRun: dryRun, error))
                for line in lines(report, dryRun) { console.say(line) }
                guard let error else { return }
                console.fail("prune", error, details: report.failures)
                throw ExitCode(Exit.failed)
            }
        }
    }
}

private func problem(_ report: PruneReport) -> SyncError? {
    guard !report.failures.isEmpty else { return nil }
    return SyncError(
        code: .incomplete, message: "not everything was removed that should be",
        hint: "holdfast verify says whether a snapshot is damaged; what was left is tried again by the next prune.")
}

private func lines(_ report: PruneReport, _ dryRun: Bool) -> [String] {
    let removed = dryRun ? "would be removed" : "removed"
    let ids = report.removedSnapshots.isEmpty ? "" : ": " + report.removedSnapshots.joined(separator: ", ")
    func packs(_ count: Int, _ bytes: Int64) -> String { "\(Figures.count(count, "pack")) (\(Figures.bytes(bytes)))" }
    var lines = [
        "\(Figures.count(report.keptSnapshots, "snapshot")) kept, \(report.removedSnapshots.count) \(removed)\(ids)",
        "\(packs(report.neededPacks, report.neededBytes)) needed, "
            + "\(packs(report.removedPacks, report.removedBytes)) \(removed)",
    ]
    if report.markedPacks > 0 {
        lines.append(
            "\(packs(report.markedPacks, report.markedBytes)) unused, left until they were seen so for the grace")
    }
    return lines
}

/// What `prune --json` prints.
private struct PruneObject: Encodable {
    let success: Bool
    let dryRun: Bool
    let keptSnapshots: Int
    let removedSnapshots: [String]
    let neededPacks: Int
    let neededBytes: Int64
    let markedPacks: Int
    let markedBytes: Int64
    let removedPacks: Int
    let removedBytes: Int64
    let failures: [String]
    @OrNull var error: ErrorReport?

    init(_ report: PruneReport, dryRun: Bool, _ error: SyncError?) {
        success = error == nil
        self.dryRun = dryRun
        keptSnapshots = report.keptSnapshots
        removedSnapshots = report.removedSnapshots
        (neededPacks, neededBytes) = (report.neededPacks, report.neededBytes)
        (markedPacks, markedBytes) = (report.markedPacks, report.markedBytes)
        (removedPacks, removedBytes) = (report.removedPacks, report.removedBytes)
        failures = report.failures
        _error = OrNull(wrappedValue: error.map(ErrorReport.init))
    }
}
