import AgentDatabase
import AgentFiles
import Agents
import FileIO
import Logging
import Repository

/// Makes the image that a database is to become, beside it.
struct DatabaseStaging {
    let workspace: Workspace
    private(set) var change: DatabasePlan.Change
    let takenAt: Int64
    let censuses: KnownCensuses
    /// What was held back before.
    let waiting: HeldPaths
    /// Sessions whose removal waits.
    private(set) var loss: Loss?
    /// The database here stays beside, since the image lacks what only it has.
    private(set) var keepsPresent: Bool
    /// What a merge did to rows; `nil` without a merge.
    private(set) var report: MergeReport?
    /// What becomes of the sessions here.
    private(set) var counts = SessionCounts()

    init(workspace: Workspace, change: DatabasePlan.Change, takenAt: Int64, censuses: KnownCensuses, waiting: HeldPaths)
    {
        (self.workspace, self.change, self.takenAt) = (workspace, change, takenAt)
        (self.censuses, self.waiting) = (censuses, waiting)
        keepsPresent = change.how == .overrule
    }

    /// - Parameter installs: takes what is not ready yet, so that it is removed if the rest fails.
    /// - Throws: as ``DatabaseRestore/stage(_:_:takenAt:known:_:_:)``.
    mutating func run(_ installs: inout [DatabaseInstall], _ result: inout SyncResult) async throws -> DatabaseInstall {
        let before = if let present = change.present { try await censuses.here(present) } else { SessionCensus() }
        var install = try await make(&installs, &result)
        var after = try await censuses.staged(install)
        if change.how == .replace { censuses.note(after, of: change.entry.digest) }
        if change.how != .overrule, change.present != nil, let before, let now = after {
            let lost = Loss(unit: .sessions, removed: now.lost(since: before), total: before.count)
            let isWaiting = waiting.contains(change.entry.path) && lost.removed > 0
            if workspace.removals.holds([lost]) || (isWaiting && !workspace.removals.isOff) {
                install.abandon()
                loss = lost
                // Without a base nothing counts as deleted.
                (change.how, change.base) = (.merge, nil)
                install = try await make(&installs, &result)
                after = try await censuses.staged(install)
            }
        }
        counts = SessionCounts(before: before, after: after, total: nil)
        let hidden = Set(report?.hidden.compactMap(\.session) ?? [])
        counts.hidden = hidden.sorted().map { SessionCounts.Hidden(id: $0, reason: "needs a newer agent") }
        return install
    }

    private mutating func make(_ installs: inout [DatabaseInstall], _ result: inout SyncResult) async throws
        -> DatabaseInstall
    {
        let place = change.place
        let install = try await FileIO.run { try DatabaseInstall(path: place) }
        installs.append(install)
        if change.how == .merge, let present = change.present {
            let report = try await workspace.write(
                union: change.entry, change.base, present, to: install.file, censuses)
            keepsPresent = report.isMissing(from: .ours)
            self.report = report
        } else {
            try await workspace.write(change.entry, to: install.file)
            if change.how == .replace, let present = change.present,
                try await !FileIO.run({ try install.fits(inPlaceOf: present) })
            {
                // The agent here is not the one that the snapshot's database is for: its schema stays.
                change.how = .merge
                try await FileIO.run { try install.file.truncate(to: 0) }
                report = try await workspace.write(
                    union: change.entry, change.base, present, to: install.file, censuses)
            }
        }
        let (rebase, checkout) = (workspace.databaseOptions.rebase, await workspace.databaseOptions.checkout())
        // However young the save is, or wrong its clock: a write that follows must not look like this one.
        let modified = min(change.entry.modified, takenAt - 2 * FileIndex.settlingTime)
        let present = change.present
        let rows = try await Self.checkingImage(of: change) {
            try await FileIO.run {
                try install.prepare(
                    keepingSecretsOf: present, rebase: rebase, checkout: checkout, modified: modified)
            }
        }
        if rows > 0 { workspace.logger.info("Paths of the checkout were changed", metadata: ["rows": "\(rows)"]) }
        return install
    }

    /// An image that is no whole database is damage of its snapshot, whatever its digest says.
    private static func checkingImage<Result>(
        of change: DatabasePlan.Change, _ work: () async throws -> Result
    ) async throws -> Result {
        do { return try await work() } catch {
            guard change.how != .merge, error.isDatabaseDamage else { throw error }
            throw RepositoryError(.damaged, "the database '\(change.entry.path)' of the snapshot is damaged: \(error)")
        }
    }
}
