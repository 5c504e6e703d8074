import ArgumentParser
import Basics
import FileIO
import Holdfast
import Repository

struct Log: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "List the snapshots of a memory, the newest first.",
        discussion: """
            Each line shows the snapshot's id, when and in which workflow run it was made, who made it, how much it \
            holds, how many bytes it added, and the snapshots that it continues. Times are those of the writer's \
            clock, in UTC.
            """)

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @Option(help: ArgumentHelp("Show only so many, the newest.", valueName: "n")) var limit: Int?
    @Flag(help: "Show also the side commits: what one side of a merge had. With --json, they are always shown.")
    var all = false
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    }

    func run() async throws {
        let (limit, all) = (limit, all)
        try await perform("log", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                let history = try await session.repository.history(limit: limit, sides: all || console.isJSON)
                let newest = try await session.repository.heads(known: history.snapshots)
                let heads = newest.snapshots.map(\.id)
                console.report(LogReport(history, heads: Set(heads)))
                session.warn(of: history.damaged)
                for name in newest.unproven {
                    console.note("it is unknown whether the newest snapshot contains commit \(name)")
                }
                if history.snapshots.isEmpty, history.damaged.isEmpty { return session.sayEmpty() }
                for line in table(history.snapshots, heads).lines { console.say(line) }
                if heads.count > 1 {
                    console.note("\(heads.count) heads: the next push merges them", isWarning: false)
                }
            }
        }
    }
}

private func table(_ snapshots: [Snapshot], _ heads: [Digest]) -> Table {
    var table = Table([
        ("SNAPSHOT", .left), ("TIME", .left), ("RUN", .left), ("WRITER", .left), ("FILES", .right), ("SIZE", .right),
        ("NEW", .right), ("CONTINUES", .left), ("NOTE", .left),
    ])
    for snapshot in snapshots {
        let commit = snapshot.commit
        let parents = (commit.parents + commit.sides).map { String($0.id.hexadecimal.prefix(12)) }
            .joined(separator: ",")
        var notes: [String] = []
        if heads.contains(snapshot.id) { notes.append(snapshot.id == heads.first ? "head" : "another head") }
        if commit.isSide { notes.append("side") }
        if let note = commit.note { notes.append(printable(note.utf8)) }
        table.add(
            snapshot.shortID, snapshot.timeText, snapshot.runText, snapshot.writerText, "\(commit.files)",
            Figures.bytes(commit.bytes), Figures.bytes(commit.newBytes), parents.isEmpty ? "-" : parents,
            notes.joined(separator: ", "))
    }
    return table
}

/// What `log --json` prints.
private struct LogReport: Encodable {
    struct Run: Encodable {
        @OrNull var id: String?
        @OrNull var attempt: String?
        @OrNull var workflow: String?
        @OrNull var ref: String?
    }

    struct Entry: Encodable {
        let id: String
        let seq: UInt64
        let time: String
        let writer: String
        @OrNull var run: Run?
        let agent: String
        let files: Int
        let bytes: Int64
        let newBytes: Int64
        let parents: [String]
        let sides: [String]
        @OrNull var note: String?
        let head: Bool
        /// It is what one side of a merge had.
        let side: Bool
    }

    let success = true
    let snapshots: [Entry]
    let damaged: [DamagedCommit]

    init(_ history: History, heads: Set<Digest>) {
        snapshots = history.snapshots.map { snapshot in
            let commit = snapshot.commit
            let run = commit.run.map { Run(id: $0.id, attempt: $0.attempt, workflow: $0.workflow, ref: $0.ref) }
            return Entry(
                id: snapshot.id.hexadecimal, seq: commit.seq, time: commit.time, writer: commit.writer, run: run,
                agent: commit.agent, files: commit.files, bytes: commit.bytes, newBytes: commit.newBytes,
                parents: commit.parents.map(\.id.hexadecimal), sides: commit.sides.map(\.id.hexadecimal),
                note: commit.note, head: heads.contains(snapshot.id), side: commit.isSide)
        }
        damaged = history.damaged.map(DamagedCommit.init)
    }
}

/// A commit that cannot be read, in JSON.
struct DamagedCommit: Encodable {
    /// The part of the key behind `commits/`.
    let commit: String
    let reason: String

    init(_ damage: Heads.Damage) { (commit, reason) = (damage.name.description, damage.reason) }
}
