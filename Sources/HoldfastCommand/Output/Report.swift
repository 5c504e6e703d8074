import Basics
import FoundationEssentials
import Holdfast

/// The JSON object that a transfer prints with `--json`. New fields may be added; none is taken away.
struct TransferReport: Encodable {
    let result: SyncResult

    enum CodingKeys: String, CodingKey {
        case success, objectCount, totalBytes, transferredObjects, transferredBytes, requests, snapshot
        case merged, mergeConflicts, durationSeconds, error, problems, conflicts, replacedKeptAt, skipped, warnings
        case mirrorProblems, removed, sessions, heldBack
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(result.success, forKey: .success)
        try object.encode(result.objectCount, forKey: .objectCount)
        try object.encode(result.totalBytes, forKey: .totalBytes)
        try object.encode(result.transferredObjects, forKey: .transferredObjects)
        try object.encode(result.transferredBytes, forKey: .transferredBytes)
        try object.encode(result.requests, forKey: .requests)
        try object.encode(result.snapshot, forKey: .snapshot)
        try object.encode(result.merged, forKey: .merged)
        try object.encode(result.mergeConflicts, forKey: .mergeConflicts)
        try object.encode(rounded(result.durationSeconds), forKey: .durationSeconds)
        try object.encode(result.error.map(ErrorReport.init), forKey: .error)
        try object.encode(result.problems.map { ProblemReport(path: $0.path, reason: $0.reason) }, forKey: .problems)
        try object.encode(result.conflicts, forKey: .conflicts)
        try object.encode(result.replacedKeptAt, forKey: .replacedKeptAt)
        try object.encode(SkippedReport(result.skipped), forKey: .skipped)
        try object.encode(result.warnings, forKey: .warnings)
        try object.encode(result.removed, forKey: .removed)
        try object.encode(SessionReport(result.sessions), forKey: .sessions)
        try object.encode(result.heldBack.map(HeldReport.init), forKey: .heldBack)
        try object.encode(
            result.mirrorProblems.map { ProblemReport(path: $0.path, reason: $0.reason) }, forKey: .mirrorProblems)
    }

    private func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }
}

/// An error for scripts: `null` members stay in the object, so that its shape is always the same.
struct ErrorReport: Encodable {
    let code: FailureCode
    let message: String
    let hint: String?

    init(_ error: SyncError) { (code, message, hint) = (error.code, error.message, error.hint) }
    init(code: FailureCode, message: String, hint: String? = nil) {
        (self.code, self.message, self.hint) = (code, message, hint)
    }

    enum CodingKeys: CodingKey { case code, message, hint }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(code.rawValue, forKey: .code)
        try object.encode(message, forKey: .message)
        try object.encode(hint, forKey: .hint)
    }
}

struct ProblemReport: Encodable {
    let path: String
    let reason: String
}

/// What became of sessions; `null` for what could not be counted.
struct SessionReport: Encodable {
    struct Hidden: Encodable {
        let id: String
        let reason: String
    }

    @OrNull var total: Int?
    @OrNull var added: Int?
    @OrNull var continued: Int?
    @OrNull var removed: Int?
    @OrNull var visible: Int?
    let hidden: [Hidden]

    init(_ counts: SessionCounts) {
        _total = OrNull(wrappedValue: counts.total)
        _added = OrNull(wrappedValue: counts.added)
        _continued = OrNull(wrappedValue: counts.continued)
        _removed = OrNull(wrappedValue: counts.removed)
        _visible = OrNull(wrappedValue: counts.visible)
        hidden = counts.hidden.map { Hidden(id: $0.id, reason: $0.reason) }
    }
}

/// Removals that wait.
struct HeldReport: Encodable {
    struct Count: Encodable {
        let removed: Int
        let total: Int

        init(_ count: HeldRemovals.Count) { (removed, total) = (count.removed, count.total) }
    }

    let sessions: Count
    let files: Count
    let databases: [String]

    init(_ held: HeldRemovals) {
        (sessions, files, databases) = (Count(held.sessions), Count(held.files), held.databases)
    }
}

struct SkippedReport: Encodable {
    let links: Int
    let specialFiles: Int
    let excluded: Int
    let folderMarkers: Int

    init(_ skipped: SyncResult.Skipped) {
        links = skipped.links
        specialFiles = skipped.specialFiles
        excluded = skipped.excluded
        folderMarkers = skipped.folderMarkers
    }
}

/// What `--json` prints where nothing but an error can be said.
struct FailureReport: Encodable {
    let success = false
    let error: ErrorReport
}

/// One line of JSON.
func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else { return #"{"success":false}"# }
    return String(decoding: data, as: UTF8.self)
}
