import AgentDatabase
import AgentFiles
import FileIO
import Logging
import NIOConcurrencyHelpers
import Repository

/// Carries out a ``DatabasePlan``: images are fetched beside the databases, checked and made this machine's own; then, while
/// nobody else can have the databases, they take their places.
struct DatabaseRestore: Sendable {
    private struct Staged: Sendable {
        let change: DatabasePlan.Change
        let install: DatabaseInstall
        /// Of the image, as it will be in its place.
        let fingerprint: UInt64
        /// What a merge did to rows; `nil` without a merge.
        let report: MergeReport?

        /// Whether the database that is here now has something that nothing else has.
        var isOnlyCopy: Bool { change.how == .overrule || report?.isMissing(from: .ours) == true }
    }

    let workspace: Workspace
    private let staged: [Staged]
    /// Where databases are now that were replaced although they had changed here.
    private let keptAt = NIOLockedValueBox<[RelativePath: String]>([:])

    private init(_ workspace: Workspace, _ staged: [Staged]) { (self.workspace, self.staged) = (workspace, staged) }

    var warnings: [String] {
        let kept = keptAt.withLockedValue { $0 }.sorted { $0.key < $1.key }
        return kept.map { "the database that was here is kept as '\($0.value)'" }
            + rowRemarks { $0.lost.isEmpty && $0.leftOut.isEmpty }
    }

    /// Rows that lost in merges, and where they are kept.
    var conflicts: [String] { rowRemarks { !$0.lost.isEmpty || !$0.leftOut.isEmpty } }

    private func rowRemarks(_ isIncluded: (MergeReport) -> Bool) -> [String] {
        let kept = keptAt.withLockedValue { $0 }
        return staged.flatMap { item -> [String] in
            guard let report = item.report, isIncluded(report) else { return [] }
            let path = item.change.entry.path
            return report.sentences { $0 == .ours ? kept[path].map { "in '\($0)'" } : "in the snapshot" }
                .map { "\(path): \($0)" }
        }
    }

    /// Fetches and checks all images.
    /// - Parameter takenAt: when the pull began, in nanoseconds since 1970.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, ``FileError``, `SQLiteError`, `DatabaseDamage`;
    ///   nothing has changed then.
    static func stage(
        _ plan: DatabasePlan, _ workspace: Workspace, takenAt: Int64, _ result: inout SyncResult
    ) async throws -> DatabaseRestore {
        var staged: [Staged] = []
        // A name for what is not ready yet, so that it is removed if the rest fails.
        var installs: [DatabaseInstall] = []
        do {
            for change in plan.changes {
                let install = try await FileIO.run { try DatabaseInstall(path: change.place) }
                installs.append(install)
                var report: MergeReport?
                if change.how == .merge, let present = change.present {
                    report = try await workspace.write(
                        union: change.entry, change.base, present, to: install.file, &result)
                } else {
                    try await workspace.write(change.entry, to: install.file)
                }
                let (rebase, checkout) = (workspace.databaseOptions.rebase, await workspace.databaseOptions.checkout())
                // However young the save is, or wrong its clock: a write that follows must not look like this one.
                let modified = min(change.entry.modified, takenAt - 2 * FileIndex.settlingTime)
                let (rows, fingerprint) = try await Self.checkingImage(of: change) {
                    try await FileIO.run {
                        let rows = try install.prepare(
                            keepingSecretsOf: change.present, rebase: rebase, checkout: checkout, modified: modified)
                        return (rows, try install.fingerprint())
                    }
                }
                staged.append(Staged(change: change, install: install, fingerprint: fingerprint, report: report))
                if rows > 0 {
                    workspace.logger.info("Paths of the checkout were changed", metadata: ["rows": "\(rows)"])
                }
                result.transferredObjects += 1
            }
        } catch {
            let left = installs
            await FileIO.cleanUp { for install in left { install.abandon() } }
            throw error
        }
        return DatabaseRestore(workspace, staged)
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

    var isEmpty: Bool { staged.isEmpty }

    /// What the index is to say of the databases before they are in place. ``KnownFiles/known(_:)`` tells by it
    /// whether they are.
    var announced: [FileIndex.Entry] { staged.map(announced) }

    private func announced(_ item: Staged) -> FileIndex.Entry {
        let entry = item.change.entry
        // The result of a merge is in no snapshot yet: nothing may be taken for it.
        let isStored = item.change.how != .merge
        return FileIndex.Entry(
            path: entry.path, size: entry.size, modified: entry.modified, changed: 0,
            inode: isStored ? item.fingerprint : 0, sha256: entry.digest, wasRestored: isStored)
    }

    /// Keeps others out of the databases, and puts aside what changed here and is replaced all the same.
    /// - Throws: `DatabaseInstall.InUse`, ``FileError``; nothing has changed then.
    func lock(force: Bool) async throws {
        for item in staged {
            try await FileIO.run { try item.install.lock(force: force) }
            if item.isOnlyCopy {
                let kept = try await FileIO.run { try item.install.keepPresent() }
                if let kept { keptAt.withLockedValue { $0[item.change.entry.path] = kept } }
            }
        }
    }

    /// Puts the images in place.
    /// - Returns: what the index is to say of them.
    /// - Throws: ``FileError``.
    func commit() async throws -> [FileIndex.Entry] {
        var index: [FileIndex.Entry] = []
        for item in staged {
            let entry = item.change.entry
            if let now = try await FileIO.run({ try item.install.commit() }) {
                if item.change.how == .merge {
                    // What is here now is in no snapshot yet: the next push saves it.
                    index.append(announced(item))
                    continue
                }
                index.append(
                    now.indexEntry(
                        at: entry.path, size: entry.size, modified: entry.modified, sha256: entry.digest,
                        wasRestored: true))
            }
        }
        return index
    }

    func abandon() async {
        let staged = staged
        await FileIO.cleanUp { for item in staged { item.install.abandon() } }
    }
}

extension Error {
    /// An image is malformed, or no database at all.
    fileprivate var isDatabaseDamage: Bool {
        if let error = self as? SQLiteError { return error.isCorrupt || error.isRefused }
        return self is DatabaseDamage || self is MalformedDatabase
    }
}
