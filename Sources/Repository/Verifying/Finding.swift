import FileIO
import NIOConcurrencyHelpers
import ObjectStore

/// What has been found out about an object that is not what it should be.
struct Finding {
    var reasons: [String] = []
    var isTooNew = false
    /// Snapshots that are hurt, by their place in the history.
    var snapshots: Set<Int> = []
    /// Short ids of snapshots that are hurt and whose commits cannot be read.
    var lost: Set<String> = []
    var paths: Set<RelativePath> = []
    /// Files that are hurt and whose paths cannot be told.
    var unnamed = 0
}

extension Verification {
    /// Adds to what is known of an object.
    /// - Parameters:
    ///   - snapshot: a snapshot that cannot be restored whole.
    ///   - unnamed: how many of its files are hurt, if their paths cannot be told.
    func add(_ problem: ObjectProblem, _ key: ObjectKey, snapshot: Int? = nil, unnamed: Int = 0) {
        state.withLockedValue { $0.add(problem, key, snapshot: snapshot, unnamed: unnamed) }
    }

    func report(isDataRead: Bool) -> VerifyReport {
        state.withLockedValue { state in
            var report = VerifyReport()
            var hurt: Set<Int> = []
            for (key, finding) in state.findings.sorted(by: { $0.key < $1.key }) {
                hurt.formUnion(finding.snapshots)
                let damage = finding.damage(key, state.snapshots)
                if finding.isTooNew { report.unknown.append(damage) } else { report.damages.append(damage) }
            }
            report.snapshots = state.snapshots.count
            report.wholeSnapshots = state.snapshots.count - hurt.count
            report.packs = state.packs.count
            report.packBytes = state.packs.reduce(0) { $0 + (state.listed[$1] ?? 0) }
            report.blobs = state.blobs.values.reduce(0) { $0 + $1.count }
            report.isDataRead = isDataRead
            report.notes = state.notes
            let unreferenced = state.listed.filter { state.packIndex[$0.key] == nil }
            report.unreferencedPacks = unreferenced.count
            report.unreferencedBytes = unreferenced.values.reduce(0, +)
            let isIncomplete = !report.damages.isEmpty || !report.unknown.isEmpty
            if isIncomplete, !unreferenced.isEmpty {
                report.notes.append("packs that only an unreadable snapshot needs count as unreferenced")
            }
            report.strangers = state.strangers.sorted()
            return report
        }
    }
}

extension Verification.State {
    mutating func add(_ problem: ObjectProblem, _ key: ObjectKey, snapshot: Int? = nil, unnamed: Int = 0) {
        var finding = findings.removeValue(forKey: key) ?? Finding(isTooNew: problem.isTooNew)
        // What is damaged besides is damaged.
        finding.isTooNew = finding.isTooNew && problem.isTooNew
        if !finding.reasons.contains(problem.reason) { finding.reasons.append(problem.reason) }
        if let snapshot { finding.snapshots.insert(snapshot) }
        finding.unnamed += unnamed
        findings[key] = finding
    }
}

extension Finding {
    fileprivate func damage(_ key: ObjectKey, _ history: [Verification.Checked]) -> VerifyReport.Damage {
        let named = reasons.prefix(VerifyReport.Damage.namedReasons).joined(separator: "; ")
        let more = reasons.count - VerifyReport.Damage.namedReasons
        return VerifyReport.Damage(
            key: key, reason: more > 0 ? "\(named); and \(more) more" : named,
            snapshots: snapshots.sorted().map { history[$0].snapshot.shortID } + lost.sorted(),
            paths: Array(paths.sorted().prefix(VerifyReport.Damage.namedPaths)), pathCount: paths.count + unnamed)
    }
}
