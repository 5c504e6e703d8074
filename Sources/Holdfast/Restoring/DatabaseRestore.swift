import AgentDatabase
import AgentFiles
import Basics
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
        /// The removal of most of its sessions waits: it has all that is here, and what the snapshot has new.
        let loss: Loss?
        /// Of the image, as it will be in its place.
        let fingerprint: UInt64
        /// The database that is replaced stays beside, since the image lacks what only it has.
        let keepsPresent: Bool
        /// What a merge did to rows; `nil` without a merge.
        let report: MergeReport?
    }

    let workspace: Workspace
    private let staged: [Staged]
    /// What was the same here and in the store.
    private let known: FileIndex?
    /// Where databases are now that were replaced although they had changed here.
    private let keptAt = NIOLockedValueBox<[RelativePath: String]>([:])
    /// Databases that stay as they are, since another program has them open.
    private let inUse = NIOLockedValueBox<[RelativePath: DatabaseInstall.InUse]>([:])

    private init(_ workspace: Workspace, _ staged: [Staged], _ known: FileIndex?) {
        (self.workspace, self.staged, self.known) = (workspace, staged, known)
    }

    /// Sessions whose removal waits.
    var losses: [Loss] { staged.compactMap(\.loss) }
    /// The databases that they are in.
    var heldBack: [RelativePath] { staged.filter { $0.loss != nil }.map(\.change.entry.path) }

    var warnings: [String] {
        let kept = keptAt.withLockedValue { $0 }.sorted { $0.key < $1.key }
        let skipped = inUse.withLockedValue { $0.values.map { "\($0); it stays as it is" } }
        return kept.map { "the database that was here is kept as '\($0.value)'" } + skipped.sorted()
            + rowRemarks { $0.lost.isEmpty && $0.leftOut.isEmpty }
    }

    /// The databases that are put in place, and whether each lacks rows of the snapshot that its schema has no room for.
    var completeness: [(path: RelativePath, isPartial: Bool)] {
        let inUse = inUse.withLockedValue { $0 }
        return staged.filter { inUse[$0.change.entry.path] == nil }.map { item in
            let isPartial = item.report.map { !$0.hidden.isEmpty || $0.isMissing(from: .theirs) } ?? false
            return (item.change.entry.path, isPartial)
        }
    }

    /// Rows that lost in merges, and where they are kept.
    var conflicts: [String] { rowRemarks { !$0.lost.isEmpty || !$0.leftOut.isEmpty } }

    private func rowRemarks(_ isIncluded: (MergeReport) -> Bool) -> [String] {
        let (kept, inUse) = (keptAt.withLockedValue { $0 }, inUse.withLockedValue { $0 })
        return staged.flatMap { item -> [String] in
            let path = item.change.entry.path
            guard let report = item.report, isIncluded(report), inUse[path] == nil else { return [] }
            return report.sentences { $0 == .ours ? kept[path].map { "in '\($0)'" } : "in the snapshot" }
                .map { "\(path): \($0)" }
        }
    }

    /// Fetches and checks all images.
    /// - Parameters:
    ///   - takenAt: when the pull began, in nanoseconds since 1970.
    ///   - known: what was the same here and in the store.
    ///   - censuses: takes the sessions of the databases.
    ///   - waiting: what was held back before.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, ``FileError``, `SQLiteError`, `DatabaseDamage`;
    ///   nothing has changed then.
    static func stage(
        _ plan: DatabasePlan, _ workspace: Workspace, takenAt: Int64, known: FileIndex? = nil,
        _ censuses: KnownCensuses, waiting: HeldPaths = HeldPaths(), _ result: inout SyncResult
    ) async throws -> DatabaseRestore {
        var staged: [Staged] = []
        // A name for what is not ready yet, so that it is removed if the rest fails.
        var installs: [DatabaseInstall] = []
        do {
            for change in plan.changes {
                var work = DatabaseStaging(
                    workspace: workspace, change: change, takenAt: takenAt, censuses: censuses, waiting: waiting)
                let install = try await work.run(&installs, &result)
                let fingerprint = try await FileIO.run { try install.fingerprint() }
                staged.append(
                    Staged(
                        change: work.change, install: install, loss: work.loss, fingerprint: fingerprint,
                        keepsPresent: work.keepsPresent, report: work.report))
                result.sessions.add(work.counts)
                result.transferredObjects += 1
            }
        } catch {
            let left = installs
            await FileIO.cleanUp { for install in left { install.abandon() } }
            throw error
        }
        return DatabaseRestore(workspace, staged, known)
    }

    var isEmpty: Bool { staged.isEmpty }

    /// What the index is to say of the databases before they are in place. ``KnownFiles/known(_:)`` tells by it
    /// whether they are.
    var announced: [FileIndex.Entry] { staged.map(announced) }

    private func announced(_ item: Staged) -> FileIndex.Entry {
        let entry = item.change.entry
        if item.loss != nil, let old = known?.entry(entry.path) {
            // For what follows it is as it was: the sessions that wait are removed in the store, and not new here.
            return FileIndex.Entry(
                path: entry.path, size: old.size, modified: old.modified, changed: 0, inode: item.fingerprint,
                sha256: old.sha256, wasRestored: true)
        }
        // The result of a merge is in no snapshot yet: nothing may be taken for it.
        let isStored = item.change.how != .merge
        return FileIndex.Entry(
            path: entry.path, size: entry.size, modified: entry.modified, changed: 0,
            inode: isStored ? item.fingerprint : 0, sha256: entry.digest, wasRestored: isStored)
    }

    /// Keeps others out of the databases, and puts aside what changed here and is replaced all the same.
    /// - Parameter skipsInUse: pass over a database that another program has open.
    /// - Throws: `DatabaseInstall.InUse`, ``FileError``; nothing has changed then.
    func lock(skipsInUse: Bool = false) async throws {
        var ready: [Staged] = []
        for item in staged {
            let kind: DatabaseInstall.Present = item.change.isUnreadable ? .unreadable : .readable
            do {
                try await FileIO.run { try item.install.lock(kind) }
                ready.append(item)
            } catch let error as DatabaseInstall.InUse {
                guard skipsInUse else { throw error }
                inUse.withLockedValue { $0[item.change.entry.path] = error }
            }
        }
        // Only once nothing can refuse: what cannot be linked is renamed.
        for item in ready where item.keepsPresent {
            let kept = try await FileIO.run { try item.install.keepPresent() }
            if let kept { keptAt.withLockedValue { $0[item.change.entry.path] = kept } }
        }
    }

    /// Puts the images in place.
    /// - Returns: what the index is to say of them.
    /// - Throws: ``FileError``.
    func commit() async throws -> [FileIndex.Entry] {
        var index: [FileIndex.Entry] = []
        for item in staged {
            let entry = item.change.entry
            guard inUse.withLockedValue({ $0[entry.path] }) == nil else {
                await FileIO.cleanUp { item.install.abandon() }
                // Nothing is known of it that was not known before.
                if let known = item.change.known { index.append(known) }
                continue
            }
            if let now = try await FileIO.run({ try item.install.commit() }) {
                if item.loss != nil, let old = known?.entry(entry.path) {
                    index.append(
                        now.indexEntry(
                            at: entry.path, size: old.size, modified: old.modified, sha256: old.sha256,
                            wasRestored: true))
                    continue
                }
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
        if !keptAt.withLockedValue(\.isEmpty) { await workspace.pruneKeptStates() }
        return index
    }

    func abandon() async {
        let staged = staged
        await FileIO.cleanUp { for item in staged { item.install.abandon() } }
    }
}

extension Error {
    /// An image is malformed, or no database at all.
    var isDatabaseDamage: Bool {
        if let error = self as? SQLiteError { return error.isCorrupt || error.isRefused }
        return self is DatabaseDamage || self is MalformedDatabase
    }
}
