import AgentDatabase
import Repository

extension Memory {
    /// Whose memory this is.
    public var agent: AgentIdentity { location.agent }

    /// Makes the storage directory the newest snapshot, merged with what others saved since it was synchronised last.
    ///
    /// An unchanged directory costs one request and makes no snapshot. A file that cannot be read, or that changes while
    /// it is read, is named in the result; the snapshot keeps the version it had.
    ///
    /// Additions are saved at once. Removals of more than half of the sessions or files, or of all, wait, and the result says
    /// how many.
    /// - Parameters:
    ///   - allowShrink: nothing waits; also without it, ``Options/allowsShrinking`` counts.
    ///   - seenAt: where somebody has seen the removals one by one; nothing waits if the state still lies there.
    ///   - gently: removals that wait are a warning, and no error.
    ///   - keepsStored: a JSON file of no bytes is being written, or was when its writer was killed, and would make the state
    ///     corrupt by RFC-002. Such a file counts as unreadable: the snapshot keeps the version that it had.
    ///   - leavingOut: is asked of each database that changed or is new whether this push leaves it as it is in the snapshot.
    ///     One that is in no snapshot yet is never left out.
    public func push(
        allowShrink: Bool = false, seenAt place: PlaceIdentity? = nil, gently: Bool = false,
        keepingTornFiles keepsStored: Bool = false,
        leavingOut: @Sendable (DatabaseFile) -> Bool = { _ in false }
    ) async -> SyncResult {
        await Push(
            workspace: workspace, writer: options.writer, workflowRun: options.run, keepsMirror: options.keepsMirror,
            allowsShrinking: allowShrink || options.allowsShrinking, seenAt: place, isGentle: gently,
            keepsTornFiles: keepsStored
        ).run(leavingOut: leavingOut)
    }

    /// Brings a snapshot here: all of it, or nothing.
    ///
    /// Files that only this machine has stay. Files that did not change here follow the snapshot. What is here already is
    /// not fetched. If the newest snapshot is damaged, the one before it is taken, and the result says so.
    public func pull(_ options: PullOptions = PullOptions()) async -> SyncResult {
        await Pull(workspace: workspace, options: options, operation: options.onConflict.operation).run().result
    }

    /// Adds to the storage directory, which belongs to another identity, what this memory has new since the last time.
    ///
    /// A file that is here and differs is replaced only if the one there is newer; the rows of a database are added to the
    /// live one, which its agent may have open. Nothing is removed, and what was removed here stays so until it changes
    /// there. Two that follow each other come to rest: every step takes over a later version, or something missing.
    ///
    /// Costs one listing if there is nothing new.
    /// - Parameter own: the memory that the storage directory belongs to. When a file there last changed is what its
    ///   snapshot says, as long as the content is the same: writing that again makes no new version, and the other side does
    ///   not see it.
    public func follow(into own: Memory) async -> SyncResult {
        await Follow(workspace: workspace, own: own.workspace).run()
    }

    /// Brings the newest snapshot here as a watch begins with it: the newer of each file, rows of databases merged.
    ///
    /// An empty memory is seeded from the first of the others that has a snapshot. Where an agent has a database open that
    /// would have to be replaced, what the store has is added to it instead.
    /// - Parameter others: memories of other identities, for the same storage directory.
    public func restoreForWatch(sharing others: [Memory]) async -> SyncResult {
        await WatchStart(workspace: workspace, others: others.map(\.workspace)).run()
    }

    /// Brings what somebody's rollback has changed here, unless an agent has a database open.
    public func applyRollback() async -> SyncResult {
        await Pull(workspace: workspace, options: PullOptions(onConflict: .newerWins), operation: .watch).run().result
    }

    /// Compares the storage directory with the newest snapshot; changes nothing.
    ///
    /// Files that the exclusions leave out here are left out there as well. Only files that may be the same and that the
    /// index does not know are read.
    /// - Throws: ``StoreError``, ``RepositoryError``, ``FileError``, `CancellationError`.
    public func status() async throws -> MemoryStatus { try await Status(workspace: workspace).run() }

    /// Makes an older snapshot the newest again; the mirror view follows. The storage directory stays as it is.
    /// - Returns: what came of it, and what a person should know of the mirror view.
    /// - Throws: as ``Rollback/run(to:)``.
    public func rollback(to snapshot: Snapshot) async throws -> (outcome: Rollback.Outcome, warnings: [String]) {
        try await Rollback.run(
            to: snapshot, in: workspace, writer: options.writer, run: options.run, keepsMirror: options.keepsMirror)
    }

    /// Looks at all files without reading any.
    /// - Throws: ``FileError`` if the storage directory cannot be read, `CancellationError`.
    public func fingerprint() async throws -> StateFingerprint { try await workspace.fingerprint() }

    /// Record of this machine's saves; where it knows of none, the time of the newest snapshot.
    /// - Parameter newest: the newest snapshot, if it is known.
    public func saveRecord(newest: Snapshot?) async -> SaveRecord? { await workspace.saveRecord(newest: newest) }
}
