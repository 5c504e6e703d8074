import AgentFiles
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// Carries out a ``RestorePlan``: fetches into a staging directory, verifies, then changes all files at once.
struct Restore: Sendable {
    let memory: Memory
    let plan: RestorePlan
    /// Where the frames of ``plan`` come from if they are on their way already.
    let ahead: FramesAhead?

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
            let large = missing.filter { !$0.entry.isWhole }
            // Mostly there is none, and thousands need not be copied.
            try await stageSmall(large.isEmpty ? missing : missing.filter { $0.entry.isWhole }, in: tree)
            for fetch in large { try await stageLarge(fetch, in: tree) }
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
        let fetches = plan.fetches
        return try await FileIO.run {
            // Both are in the order of their paths.
            var placed = try tree.commit()[...]
            return fetches.map { fetch in
                while let first = placed.first, first.path < fetch.entry.path { placed.removeFirst() }
                let isPlaced = placed.first?.path == fetch.entry.path
                return fetch.indexEntry(isPlaced ? placed.removeFirst().status : nil)
            }
        }
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
        var byFrame: [FrameLocation: [Int]] = [:]
        var empty: [StagedTree.NewFile] = []
        for (index, fetch) in fetches.enumerated() {
            if let blob = fetch.entry.blob {
                byFrame[blob.frame, default: []].append(index)
            } else {
                empty.append(fetch.file(ByteBuffer()))
            }
        }
        let (wanted, progress, emptyFiles) = (byFrame, memory.progress, empty)
        try await FileIO.run { try tree.writeFiles(emptyFiles) }
        progress.finished(files: emptyFiles.count)
        let write: FramesAhead.Use = { location, content in
            var files: [StagedTree.NewFile] = []
            for index in wanted[location] ?? [] {
                guard let blob = fetches[index].entry.blob else { continue }
                files.append(fetches[index].file(try content.blob(blob)))
            }
            try tree.writeFiles(files)
            progress.finished(files: files.count, bytes: files.reduce(0) { $0 + Int64($1.content.readableBytes) })
        }
        if let ahead { return try await ahead.deliver(to: write) }
        try await memory.repository.readFrames(wanted.keys) { frame in
            try await FileIO.run { try write(frame.location, frame.expand()) }
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

extension Manifest {
    /// The frames that the files which are one blob lie in.
    var wholeFileFrames: Set<FrameLocation> {
        var frames: Set<FrameLocation> = []
        var last: FrameLocation?
        for entry in entries {
            // Files that follow each other mostly share one.
            guard let frame = entry.blob?.frame, frame != last else { continue }
            frames.insert(frame)
            last = frame
        }
        return frames
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

    /// The blob that is all of the file, if it is one.
    fileprivate var blob: BlobReference? {
        if case .blob(let blob) = content { blob } else { nil }
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
