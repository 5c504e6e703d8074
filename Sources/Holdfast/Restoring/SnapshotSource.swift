import AgentFiles
import FileIO
import NIOCore
import ObjectStore
import Repository

/// The files of a snapshot: their digests are known, and their content is fetched from packs.
struct SnapshotSource: Sendable {
    let workspace: Workspace
    /// The files of the storage directory.
    let entries: [Entry]
    /// Where their frames come from if they are on their way already.
    var ahead: FramesAhead?

    func fetch(_ fetches: [RestorePlan.Fetch], into tree: StagedTree) async throws {
        var small: [Small] = []
        small.reserveCapacity(fetches.count)
        var large: [(fetch: RestorePlan.Fetch, entry: Entry)] = []
        for fetch in fetches {
            guard case .entry(let entry) = fetch.file else { continue }
            switch entry.content {
            case .empty: small.append(Small(fetch: fetch, blob: nil))
            case .blob(let blob): small.append(Small(fetch: fetch, blob: blob))
            case .chunks, .chunkLists: large.append((fetch, entry))
            }
        }
        try await stage(small, in: tree)
        for (fetch, entry) in large { try await stage(entry, fetch, in: tree) }
    }

    /// A file that is one blob, or empty.
    private struct Small: Sendable {
        let fetch: RestorePlan.Fetch
        let blob: BlobReference?

        func file(_ content: ByteBuffer) -> StagedTree.NewFile {
            StagedTree.NewFile(
                path: fetch.file.path, content: content, modified: fetch.file.modified,
                permissions: fetch.file.permissions, expecting: fetch.expected)
        }
    }

    /// Small files: all of them with as few requests as the packs allow.
    private func stage(_ files: [Small], in tree: StagedTree) async throws {
        var byFrame: [FrameLocation: [Int]] = [:]
        var empty: [StagedTree.NewFile] = []
        for (index, file) in files.enumerated() {
            if let blob = file.blob {
                byFrame[blob.frame, default: []].append(index)
            } else {
                empty.append(file.file(ByteBuffer()))
            }
        }
        let (wanted, progress, emptyFiles) = (byFrame, workspace.progress, empty)
        try await FileIO.run { try tree.writeFiles(emptyFiles) }
        progress.finished(files: emptyFiles.count)
        let write: FramesAhead.Use = { location, content in
            var staged: [StagedTree.NewFile] = []
            for index in wanted[location] ?? [] {
                guard let blob = files[index].blob else { continue }
                staged.append(files[index].file(try content.blob(blob)))
            }
            try tree.writeFiles(staged)
            progress.finished(files: staged.count, bytes: staged.reduce(0) { $0 + Int64($1.content.readableBytes) })
        }
        if let ahead { return try await ahead.deliver(to: write) }
        try await workspace.repository.readFrames(wanted.keys) { frame in
            try await FileIO.run { try write(frame.location, frame.expand()) }
        }
    }

    /// A file of several chunks. They arrive in any order; in the end the whole is verified.
    private func stage(_ entry: Entry, _ fetch: RestorePlan.Fetch, in tree: StagedTree) async throws {
        let file = try await FileIO.run {
            try tree.stage(
                entry.path, modified: entry.modified, permissions: fetch.file.permissions, expecting: fetch.expected)
        }
        try await workspace.write(entry, to: file)
    }
}

extension Manifest {
    /// The frames that the files which are one blob lie in.
    var wholeFileFrames: Set<FrameLocation> {
        var frames: Set<FrameLocation> = []
        var last: FrameLocation?
        for entry in entries {
            // Files that follow each other mostly share one.
            guard case .blob(let blob) = entry.content, blob.frame != last else { continue }
            frames.insert(blob.frame)
            last = blob.frame
        }
        return frames
    }
}
