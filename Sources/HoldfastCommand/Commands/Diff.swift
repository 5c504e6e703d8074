import ArgumentParser
import FileIO
import Holdfast
import Repository

struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show which files differ between two snapshots.",
        discussion: """
            Snapshots are named by latest, latest~N (the Nth before it), or the first digits of an id that holdfast \
            log shows, at least four.
            """)

    @Argument(help: ArgumentHelp("The older snapshot.", valueName: "a")) var old: String
    @Argument(help: ArgumentHelp("The newer snapshot.", valueName: "b")) var new = "latest"
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let (old, new) = (old, new)
        try await perform("diff", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                let (before, was) = try await files(of: old, session)
                let (after, now) = try await files(of: new, session)
                var difference = Difference(from: was, to: now)
                difference.setAside(
                    leftOutBefore: before.commit.scope?.filter, leftOutAfter: after.commit.scope?.filter)
                console.report(
                    DiffReport(
                        from: before.id.hexadecimal, to: after.id.hexadecimal, files: DifferenceReport(difference)))
                for line in difference.lines(limit: nil) { console.say(line) }
                console.say("\(before.shortID) to \(after.shortID): \(difference.summary)")
            }
        }
    }
}

private func files(of name: String, _ session: Session) async throws -> (Snapshot, [FileFacts]) {
    let snapshot = try await session.repository.snapshot(named: name)
    return (snapshot, try await session.repository.manifest(of: snapshot).entries.map(\.facts))
}

/// What `diff --json` prints.
private struct DiffReport: Encodable {
    let success = true
    let from: String
    let to: String
    let files: DifferenceReport

    enum CodingKeys: CodingKey { case success, from, to }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(success, forKey: .success)
        try object.encode(from, forKey: .from)
        try object.encode(to, forKey: .to)
        try files.encode(to: encoder)
    }
}
