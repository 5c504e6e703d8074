import AgentState
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
    }

    let memory: Memory
    private let staged: [Staged]
    /// Where databases are now that were replaced although they had changed here.
    private let keptAt = NIOLockedValueBox<[String]>([])

    private init(_ memory: Memory, _ staged: [Staged]) { (self.memory, self.staged) = (memory, staged) }

    var warnings: [String] { keptAt.withLockedValue { $0 }.map { "the database that was here is kept as '\($0)'" } }

    /// Fetches and checks all images.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, ``FileError``, `SQLiteError`, `DatabaseDamage`;
    ///   nothing has changed then.
    static func stage(_ plan: DatabasePlan, _ memory: Memory, _ result: inout SyncResult) async throws
        -> DatabaseRestore
    {
        var staged: [Staged] = []
        do {
            for change in plan.changes {
                let install = try await FileIO.run { try DatabaseInstall(path: change.place) }
                staged.append(Staged(change: change, install: install))
                if change.how == .merge, let present = change.present {
                    try await memory.write(
                        union: change.entry, change.base, present, to: install.file, &result)
                } else {
                    try await memory.write(change.entry, to: install.file)
                }
                let (rebase, checkout) = (memory.options.rebase, await memory.options.checkout())
                let rows = try await FileIO.run {
                    try install.prepare(
                        keepingSecretsOf: change.present, rebase: rebase, checkout: checkout,
                        modified: change.entry.modified)
                }
                if rows > 0 { memory.logger.info("Paths of the checkout were changed", metadata: ["rows": "\(rows)"]) }
                result.transferredObjects += 1
            }
        } catch {
            let left = staged
            await FileIO.cleanUp { for item in left { item.install.abandon() } }
            throw error
        }
        return DatabaseRestore(memory, staged)
    }

    var isEmpty: Bool { staged.isEmpty }

    /// What the index is to say of the databases before they are in place.
    var announced: [FileIndex.Entry] { staged.map(announced) }

    private func announced(_ item: Staged) -> FileIndex.Entry {
        let entry = item.change.entry
        return FileIndex.Entry(
            path: entry.path, size: entry.size, modified: entry.modified, changed: 0, inode: 0, sha256: entry.digest)
    }

    /// Keeps others out of the databases, and puts aside what changed here and is replaced all the same.
    /// - Throws: `DatabaseInstall.InUse`, ``FileError``; nothing has changed then.
    func lock(force: Bool) async throws {
        for item in staged {
            try await FileIO.run { try item.install.lock(force: force) }
            if item.change.how == .overrule {
                let kept = try await FileIO.run { try item.install.keepPresent() }
                if let kept { keptAt.withLockedValue { $0.append(kept) } }
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
