import ArgumentParser
import Basics
import FileIO
import Holdfast
import Repository

struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Make an older snapshot the newest again, as a new snapshot; nothing is erased.",
        discussion: """
            The store is changed, not this machine: run holdfast pull afterwards. Snapshots are named by latest~N (the \
            Nth before the newest) or by the first digits of an id that holdfast log shows, at least four.
            """)

    @Argument(help: ArgumentHelp("The snapshot to go back to.", valueName: "snapshot")) var name: String
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let name = name
        try await perform("rollback", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                let snapshot = try await session.repository.snapshot(named: name)
                let (outcome, warnings) = try await session.memory.rollback(to: snapshot)
                for warning in warnings { console.note(warning) }
                switch outcome {
                case .nothingToDo(let tip):
                    console.report(RollbackReport(tip, from: snapshot))
                    console.say(
                        "Nothing to do: the newest snapshot \(tip.shortID) has the files of \(snapshot.shortID).")
                case .done(let result):
                    console.report(RollbackReport(result.snapshot, from: snapshot, result))
                    let commit = result.snapshot.commit
                    console.say(
                        "\(session.address): \(Figures.count(commit.files, "file")), \(Figures.bytes(commit.bytes))\n"
                            + "The newest snapshot is \(result.snapshot.shortID), with the files of "
                            + "\(snapshot.shortID). Run holdfast pull to bring them here.")
                    if !result.conflicts.isEmpty {
                        console.note("others saved at the same time; their newer versions of some files were kept")
                    }
                }
            }
        }
    }
}

/// What `rollback --json` prints.
private struct RollbackReport: Encodable {
    let success = true
    /// The newest snapshot now.
    let snapshot: String
    let rolledBackTo: String
    /// Whether there was anything to do.
    let isNew: Bool
    let files: Int
    let bytes: Int64
    /// Paths that others changed at the same time.
    let conflicts: [String]

    init(_ newest: Snapshot, from old: Snapshot, _ result: SaveResult? = nil) {
        snapshot = newest.id.hexadecimal
        rolledBackTo = old.id.hexadecimal
        isNew = result != nil
        files = newest.commit.files
        bytes = newest.commit.bytes
        conflicts = result?.conflicts.map(\.text) ?? []
    }
}
