import ArgumentParser
import Basics
import FileIO
import Holdfast
import ObjectStore
import Repository

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Prove that every kept snapshot can be restored, and name what is damaged.",
        discussion: """
            Reads all commits and manifests and looks whether every pack is there in its size. With --read-data every \
            pack is downloaded as well, and every blob in it verified. Damage ends with exit code 2; a store that does \
            not answer or may not be read proves nothing and ends with 1.
            """)

    @Flag(help: "Download every pack and verify all that is in it.") var readData = false
    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let readData = readData
        try await perform("verify", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                let bar = ProgressBar(label: "verify", progress: session.progress, console: console, noun: "packs")
                let report = try await bar.run { () -> Result<VerifyReport, any Error> in
                    do {
                        var report = try await session.repository.verify(readData: readData) {
                            [progress = session.progress] in progress.set($0.asSyncState)
                        }
                        if readData { report.add(try await session.memory.damagedDatabases()) }
                        return .success(report)
                    } catch {
                        return .failure(error)
                    }
                }.get()
                try show(report, session)
            }
        }
    }
}

extension VerifyProgress {
    fileprivate var asSyncState: SyncProgress.State {
        SyncProgress.State(doneFiles: donePacks, allFiles: packs, doneBytes: doneBytes, allBytes: bytes)
    }
}

private func show(_ report: VerifyReport, _ session: Session) throws {
    let console = session.console
    let error = problem(report)
    console.report(VerifyObject(report, error))
    for damage in report.damages { console.say("damaged: \(damage.text)") }
    for unknown in report.unknown { console.say("not known: \(unknown.text)") }
    for note in report.notes { console.note(note) }
    for stranger in report.strangers { console.note("'\(printable(stranger.utf8))' does not belong here") }
    if let error {
        console.fail("verify", error)
        throw ExitCode(report.damages.isEmpty ? Exit.failed : Exit.damage)
    }
    guard report.snapshots > 0 else { return session.sayEmpty() }
    let packs = "\(Figures.count(report.packs, "pack")) (\(Figures.bytes(report.packBytes)))"
    console.say("\(session.address): \(Figures.count(report.snapshots, "snapshot")), \(packs), \(report.blobs) blobs")
    console.say(
        report.isDataRead
            ? "Every snapshot can be restored: all data was read and is right."
            : "Every snapshot has all that it needs. Its data was not read: --read-data does that.")
    guard report.unreferencedPacks > 0 else { return }
    let unused = "\(Figures.count(report.unreferencedPacks, "pack")) (\(Figures.bytes(report.unreferencedBytes)))"
    console.say("\(unused) needed by no snapshot: holdfast prune removes them in time.")
}

private func problem(_ report: VerifyReport) -> SyncError? {
    if !report.damages.isEmpty {
        let count = report.damages.count
        return SyncError(
            code: .damaged,
            message: "\(Figures.count(count, "object")) \(count == 1 ? "is" : "are") damaged; "
                + "\(report.wholeSnapshots) of \(Figures.count(report.snapshots, "readable snapshot")) can be restored "
                + "whole",
            hint: report.wholeSnapshots > 0
                ? "holdfast pull --at SNAPSHOT restores one that is whole; holdfast log lists them." : nil)
    }
    guard !report.unknown.isEmpty else { return nil }
    return SyncError(
        code: .formatTooNew,
        message: "\(Figures.count(report.unknown.count, "object")) of a newer version cannot be verified",
        hint: "Update Holdfast on this machine.")
}

extension VerifyReport.Damage {
    /// One line: what is wrong with what, and whom it hurts.
    fileprivate var text: String {
        let line = "\(printable(key.utf8)): \(printable(reason.utf8))"
        guard !snapshots.isEmpty || pathCount > 0 else { return line + "; hurts no file of a snapshot" }
        var hurt: [String] = []
        if !snapshots.isEmpty {
            hurt.append(Figures.count(snapshots.count, "snapshot") + Self.some(snapshots, of: snapshots.count))
        }
        if pathCount > 0 {
            hurt.append(Figures.count(pathCount, "file") + Self.some(paths.map(\.description), of: pathCount))
        }
        return line + "; hurts " + hurt.joined(separator: ", ")
    }

    private static func some(_ names: [String], of count: Int) -> String {
        guard !names.isEmpty else { return "" }
        let shown = names.prefix(5)
        return " (\(shown.joined(separator: ", "))\(count > shown.count ? ", …" : ""))"
    }
}

/// What `verify --json` prints.
private struct VerifyObject: Encodable {
    struct Damage: Encodable {
        let key: String
        let reason: String
        let snapshots: [String]
        let paths: [String]
        let pathCount: Int

        init(_ damage: VerifyReport.Damage) {
            (key, reason, snapshots) = (damage.key.text, damage.reason, damage.snapshots)
            (paths, pathCount) = (damage.paths.map(\.text), damage.pathCount)
        }
    }

    let success: Bool
    let readData: Bool
    let snapshots: Int
    let wholeSnapshots: Int
    let packs: Int
    let packBytes: Int64
    let blobs: Int
    let damages: [Damage]
    let unknown: [Damage]
    let notes: [String]
    let unreferencedPacks: Int
    let unreferencedBytes: Int64
    let strangers: [String]
    @OrNull var error: ErrorReport?

    init(_ report: VerifyReport, _ error: SyncError?) {
        success = error == nil
        readData = report.isDataRead
        (snapshots, wholeSnapshots) = (report.snapshots, report.wholeSnapshots)
        (packs, packBytes, blobs) = (report.packs, report.packBytes, report.blobs)
        damages = report.damages.map(Damage.init)
        unknown = report.unknown.map(Damage.init)
        notes = report.notes
        (unreferencedPacks, unreferencedBytes) = (report.unreferencedPacks, report.unreferencedBytes)
        strangers = report.strangers.map(\.text)
        _error = OrNull(wrappedValue: error.map(ErrorReport.init))
    }
}
