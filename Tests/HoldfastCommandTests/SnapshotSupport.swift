import AgentFiles
import FileIO
import Foundation
import Logging
import NIOCore
import ObjectStore
import Repository

extension Sandbox {
    /// The snapshots of the memory that the sandbox's commands use.
    func withRepository<Result>(_ body: (Repository) async throws -> Result) async throws -> Result {
        try await withStore { store in
            try await body(
                Repository(
                    store: store, memory: "opencode-storage/local/owner-repo", repository: "owner/repo", agent: "local",
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        }
    }

    /// Makes the files of the storage directory the newest snapshot.
    @discardableResult
    func snapshot(run: Commit.Run? = nil, writer name: String = "test:1") async throws -> Snapshot {
        try await withRepository { repository in
            let newest = try await repository.newest()
            return try await save(repository, upon: newest, run: run, writer: name)
        }
    }

    /// Makes two heads, as two saves that could not see each other do: each sees the memory as it was.
    func fork(_ change: () throws -> Void) async throws {
        try await withRepository { repository in
            let newest = try await repository.newest()
            let first = try await save(repository, upon: newest, run: nil, writer: "one:1")
            // The commit gets another name, so that the next save does not find it taken.
            let key = ObjectKey("\(repository.memory)/commits/\(first.name)")
            _ = try await repository.store.delete([key])
            try change()
            _ = try await save(repository, upon: newest, run: nil, writer: "two:2")
            let other = ObjectKey("\(repository.memory)/commits/\(first.name)-\(first.commit.nonce)")
            try await repository.store.put(other, .bytes(first.bytes), .overwrite)
        }
    }

    private func save(
        _ repository: Repository, upon newest: Newest, run: Commit.Run?, writer name: String
    ) async throws -> Snapshot {
        let writer = SnapshotWriter(repository, upon: newest)
        var files: [SaveRequest.File] = []
        for file in try await StorageScan.scan(path("storage")).files {
            let content = ByteBuffer(
                bytes: try Data(contentsOf: folder.appendingPathComponent("storage/\(file.path)")))
            var chunks: [NewFile.Chunk] = []
            for start in stride(from: 0, to: content.readableBytes, by: 1 << 20) {
                let length = min(1 << 20, content.readableBytes - start)
                guard let piece = content.getSlice(at: start, length: length) else { continue }
                let digest = Digest(of: piece)
                if writer.claim(digest) { try await writer.write(SnapshotWriter.encode([(digest, piece)])) }
                chunks.append(NewFile.Chunk(digest: digest, length: length))
            }
            files.append(
                .new(
                    NewFile(
                        path: file.path, mode: file.status.permissions, modified: file.status.modified,
                        digest: Digest(of: content), chunks: chunks)))
        }
        let base = newest.tip.flatMap { tip in newest.manifest.map { (tip, $0.entries.map(\.facts)) } }
        let request = SaveRequest(files: files, base: base, writer: name, run: run)
        return try await repository.save(writer, request).snapshot
    }
}
