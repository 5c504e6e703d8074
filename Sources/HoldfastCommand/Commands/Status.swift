import AgentFiles
import ArgumentParser
import Basics
import FileIO
import FoundationEssentials
import Holdfast
import Repository

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Compare this machine with the newest snapshot in the store.",
        discussion: "Shows up to ten of the files that differ; -v shows all. Nothing is changed here or there.")

    @OptionGroup(title: "Memory") var memory: MemoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let showsAll = output.verbose > 0
        try await perform("status", memory, output) { settings, console in
            try await Session.open(settings, console) { session in
                let status = try await session.memory.status()
                session.warn(of: status.newest.heads)
                let saves = await session.memory.saveRecord(newest: status.newest.tip)
                console.report(StatusReport(status, saves, session))
                for failure in status.scan.failures { console.note("\(failure)") }
                for problem in status.unreadable { console.note(problem.reason) }
                if let notice = status.leftOutNotice { console.note(notice, isWarning: false) }
                if status.newest.tip == nil, status.newest.heads.damaged.isEmpty { session.sayEmpty() }
                for line in lines(status, saves, session) { console.say(line) }
                for line in status.difference.lines(limit: showsAll ? nil : 10) { console.say("  \(line)") }
            }
        }
    }
}

/// The message of the error stands in the log of that save only.
private func failureWords(_ failure: SaveRecord.Failure) -> String {
    "the save of \(failure.time.formatted(.iso8601)) failed: \(failure.code)"
}

private func lines(_ status: MemoryStatus, _ saves: SaveRecord?, _ session: Session) -> [String] {
    var table = Table(sides: [.left, .left])
    table.add("store", session.address)
    if let tip = status.newest.tip {
        let commit = tip.commit
        let age = Times.age(commit.time).map { " (\(Figures.ago($0)))" } ?? ""
        table.add("newest", "\(tip.shortID), \(tip.timeText)\(age), by \(tip.writerText)")
        table.add("", "\(Figures.count(commit.files, "file")), \(Figures.bytes(commit.bytes))")
    }
    let heads = status.newest.heads.snapshots.count
    if heads > 1 { table.add("heads", "\(heads): the next push merges them") }
    if let synchronised = status.synchronised {
        let state =
            status.isNewerInStore == true ? "the store has a newer one: pull to get it" : "nothing newer in the store"
        table.add("synchronised", "\(synchronised.shortID), \(state)")
    }
    if let saves {
        table.add("saves", saves.words())
        if let failure = saves.lastFailure { table.add("", failureWords(failure)) }
    }
    let scan = status.scan
    let files =
        scan.rootMissing
        ? "does not exist" : "\(Figures.count(scan.files.count, "file")), \(Figures.bytes(scan.totalBytes))"
    table.add("here", "\(session.settings.storage): \(files)")
    if status.newest.tip != nil {
        let difference = status.difference
        table.add("", difference.isEmpty ? "the same as the newest snapshot" : difference.summaryHere)
    }
    return table.lines
}

/// What `status --json` prints.
private struct StatusReport: Encodable {
    struct Newest: Encodable {
        let id: String
        let seq: UInt64
        let time: String
        @OrNull var ageSeconds: Double?
        let writer: String
        let files: Int
        let bytes: Int64
    }

    struct Local: Encodable {
        let storage: String
        let exists: Bool
        let files: Int
        let bytes: Int64
        /// No file differs from the newest snapshot, and all could be looked at.
        let identical: Bool
        let added: [DifferenceReport.File]
        let changed: [DifferenceReport.Change]
        let removed: [DifferenceReport.File]
        /// In the store, and never here.
        let notHere: [DifferenceReport.File]
        /// What cannot be compared.
        let unknown: [DifferenceReport.Unknown]
        let problems: [ProblemReport]
    }

    /// How the saves of this machine went; where it knows of none, when the newest snapshot was made.
    struct Saves: Encodable {
        @OrNull var lastSuccess: String?
        @OrNull var ageSeconds: Double?
        let failuresSince: Int
        @OrNull var lastFailure: ErrorReport?
        let text: String

        init(_ record: SaveRecord) {
            let now = Date()
            _lastSuccess = OrNull(wrappedValue: record.lastSuccess?.formatted(.iso8601))
            _ageSeconds = OrNull(
                wrappedValue: record.lastSuccess.map { max(0, now.timeIntervalSince($0).rounded()) })
            failuresSince = record.failuresSince
            _lastFailure = OrNull(
                wrappedValue: record.lastFailure.map { ErrorReport(code: $0.code, message: failureWords($0)) })
            text = record.words(now: now)
        }
    }

    let success = true
    /// As ``Local/identical``.
    let identical: Bool
    let memory: String
    @OrNull var snapshot: Newest?
    let heads: Int
    @OrNull var saves: Saves?
    @OrNull var synchronised: String?
    @OrNull var newerInStore: Bool?
    let local: Local
    let damaged: [DamagedCommit]

    init(_ status: MemoryStatus, _ record: SaveRecord?, _ session: Session) {
        memory = session.address
        _saves = OrNull(wrappedValue: record.map(Saves.init))
        _snapshot = OrNull(
            wrappedValue: status.newest.tip.map { tip in
                Newest(
                    id: tip.id.hexadecimal, seq: tip.commit.seq, time: tip.commit.time,
                    ageSeconds: Times.age(tip.commit.time), writer: tip.commit.writer, files: tip.commit.files,
                    bytes: tip.commit.bytes)
            })
        heads = status.newest.heads.snapshots.count
        _synchronised = OrNull(wrappedValue: status.synchronised?.id.hexadecimal)
        _newerInStore = OrNull(wrappedValue: status.isNewerInStore)
        let (scan, difference) = (status.scan, DifferenceReport(status.difference))
        local = Local(
            storage: session.settings.storage, exists: !scan.rootMissing, files: scan.files.count,
            bytes: scan.totalBytes,
            identical: status.difference.isEmpty && scan.failures.isEmpty, added: difference.added,
            changed: difference.changed, removed: difference.removed,
            notHere: status.difference.notHere.map(DifferenceReport.File.init), unknown: difference.unknown,
            problems: scan.failures.map { ProblemReport(path: $0.path.text, reason: "\($0.cause)") }
                + status.unreadable.map { ProblemReport(path: $0.path, reason: $0.reason) })
        identical = local.identical
        damaged = status.newest.heads.damaged.map(DamagedCommit.init)
    }
}
