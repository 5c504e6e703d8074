import AgentState
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// Carries out a ``RestorePlan``: fetches into a staging directory, verifies, then changes all files at once.
struct Restore: Sendable {
    let memory: Memory
    let plan: RestorePlan

    /// Whether any file changes.
    var hasWork: Bool { !plan.fetches.isEmpty || !plan.removals.isEmpty }

    /// Fetches and verifies all files; none that is here changes.
    /// - Returns: `nil` if there is nothing to do.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, ``FileError``.
    func stage(_ result: inout SyncResult) async throws -> StagedTree? {
        let storage = memory.options.storage
        guard hasWork else {
            // A pull that was killed at its very end has left no work, but its staging directory.
            await FileIO.cleanUp { try? StagedTree.removeLeftovers(in: storage) }
            return nil
        }
        memory.progress.begin(files: plan.fetches.count, bytes: plan.fetches.reduce(0) { $0 + $1.entry.size })
        let tree = try await FileIO.run { try StagedTree.open(storage, reusingLeftovers: true) }
        tree.reserveCapacity(plan.fetches.count + plan.removals.count)
        do {
            let missing = try await reuse(plan.fetches, in: tree)
            result.transferredObjects += missing.count
            try await stageSmall(missing.filter { $0.entry.isWhole }, in: tree)
            for fetch in missing where !fetch.entry.isWhole { try await stageLarge(fetch, in: tree) }
            for removal in plan.removals { tree.remove(removal.path, expecting: removal.expected) }
            if !plan.overruled.isEmpty {
                result.replacedKeptAt = try await KeptFiles.copy(plan.overruled, of: storage)
            }
            return tree
        } catch {
            // Where only the way to the store broke, what has arrived stays: the next pull verifies and uses it.
            if !Self.mayContinue(error) { await FileIO.cleanUp { tree.abandon() } }
            throw error
        }
    }

    /// Changes all files, or none.
    /// - Parameters:
    ///   - tree: what ``stage(_:)`` has made.
    ///   - willChange: called before the first file changes.
    /// - Returns: the files that were written, as they are now.
    /// - Throws: what `willChange` throws, ``FileError``, `Obstacle`; nothing has changed then.
    func commit(_ tree: StagedTree, willChange: () async throws -> Void) async throws -> [FileIndex.Entry] {
        do { try await willChange() } catch {
            if !Self.mayContinue(error) { await FileIO.cleanUp { tree.abandon() } }
            throw error
        }
        let statuses = try await FileIO.run { try tree.commit() }
        return plan.fetches.map { $0.indexEntry(statuses[$0.entry.path]) }
    }

    private static func mayContinue(_ error: any Error) -> Bool {
        guard let error = error as? StoreError else { return error is CancellationError }
        return [.unreachable, .server, .throttled, .cancelled].contains(error.kind)
    }

    /// Takes over what a pull that was killed has staged.
    /// - Returns: what is still to be fetched.
    private func reuse(_ fetches: [RestorePlan.Fetch], in tree: StagedTree) async throws -> [RestorePlan.Fetch] {
        guard tree.hasLeftovers else { return fetches }
        return try await FileIO.run { cancellation in
            try fetches.filter { fetch in
                try cancellation.check()
                let entry = fetch.entry
                return !tree.reuse(
                    entry.path, size: entry.size, sha256: entry.digest, modified: entry.modified,
                    permissions: entry.permissions, expecting: fetch.expected)
            }
        }
    }

    /// Files that are one blob, or empty: all of them with as few requests as the packs allow.
    private func stageSmall(_ fetches: [RestorePlan.Fetch], in tree: StagedTree) async throws {
        var byFrame: [FrameLocation: [(blob: BlobReference, fetch: RestorePlan.Fetch)]] = [:]
        var empty: [StagedTree.NewFile] = []
        for fetch in fetches {
            if let blob = fetch.entry.references.first {
                byFrame[blob.frame, default: []].append((blob, fetch))
            } else {
                empty.append(fetch.file(ByteBuffer()))
            }
        }
        let (wanted, progress, emptyFiles) = (byFrame, memory.progress, empty)
        try await FileIO.run { try tree.writeFiles(emptyFiles) }
        progress.finished(files: emptyFiles.count)
        try await memory.repository.readFrames(wanted.keys) { frame in
            let targets = wanted[frame.location] ?? []
            try await FileIO.run {
                let content = try frame.expand()
                try tree.writeFiles(try targets.map { target in target.fetch.file(try content.blob(target.blob)) })
            }
            progress.finished(files: targets.count, bytes: targets.reduce(0) { $0 + Int64($1.blob.length) })
        }
    }

    /// A file of several chunks. They arrive in any order; in the end the whole is verified.
    private func stageLarge(_ fetch: RestorePlan.Fetch, in tree: StagedTree) async throws {
        let entry = fetch.entry
        let file = try await FileIO.run {
            try tree.stage(
                entry.path, modified: entry.modified, permissions: entry.permissions, expecting: fetch.expected)
        }
        try await memory.write(entry, to: file)
    }
}

extension Entry {
    /// Whether the file is one blob, or empty.
    fileprivate var isWhole: Bool {
        switch content {
        case .empty, .blob: true
        case .chunks, .chunkLists: false
        }
    }

    /// What the file may be used for here. An agent's memory is private, so only the owner's rights come back, and it is
    /// always readable and writable.
    fileprivate var permissions: UInt32 { mode & 0o700 | 0o600 }
}

extension RestorePlan.Fetch {
    fileprivate func file(_ content: ByteBuffer) -> StagedTree.NewFile {
        StagedTree.NewFile(
            path: entry.path, content: content, modified: entry.modified, permissions: entry.permissions,
            expecting: expected)
    }
}
