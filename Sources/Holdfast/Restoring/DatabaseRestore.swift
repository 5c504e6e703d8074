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
        /// Of the image, as it will be in its place.
        let fingerprint: UInt64
    }

    let workspace: Workspace
    private let staged: [Staged]
    /// Where databases are now that were replaced although they had changed here.
    private let keptAt = NIOLockedValueBox<[String]>([])
    /// Databases that stay as they are, since another program has them open.
    private let inUse = NIOLockedValueBox<[RelativePath: DatabaseInstall.InUse]>([:])

    private init(_ workspace: Workspace, _ staged: [Staged]) { (self.workspace, self.staged) = (workspace, staged) }

    var warnings: [String] {
        let kept = keptAt.withLockedValue { $0 }.map { "the database that was here is kept as '\($0)'" }
        let skipped = inUse.withLockedValue { $0.values.map { "\($0); it stays as it is" } }
        return kept + skipped.sorted()
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
                if change.how == .merge, let present = change.present {
                    try await workspace.write(
                        union: change.entry, change.base, present, to: install.file, &result)
                } else {
                    try await workspace.write(change.entry, to: install.file)
                }
                let (rebase, checkout) = (workspace.databaseOptions.rebase, await workspace.databaseOptions.checkout())
                // However young the save is, or wrong its clock: a write that follows must not look like this one.
                let modified = min(change.entry.modified, takenAt - 2 * FileIndex.settlingTime)
                let (rows, fingerprint) = try await FileIO.run {
                    do {
                        let rows = try install.prepare(
                            keepingSecretsOf: change.present, rebase: rebase, checkout: checkout, modified: modified)
                        return (rows, try install.fingerprint())
                    } catch  where change.how != .merge && Self.isMalformed(error) {
                        // It arrived as it was saved, so it was no database when it was.
                        throw RepositoryError(.damaged, "'\(change.entry.path)' of the snapshot is no whole database")
                    }
                }
                staged.append(Staged(change: change, install: install, fingerprint: fingerprint))
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

    private static func isMalformed(_ error: any Error) -> Bool {
        switch error {
        case is DatabaseDamage: true
        case let error as SQLiteError: error.isCorrupt || error.isRefused
        default: false
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
        for item in ready where item.change.how == .overrule {
            let kept = try await FileIO.run { try item.install.keepPresent() }
            if let kept { keptAt.withLockedValue { $0.append(kept) } }
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
