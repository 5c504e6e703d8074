import FileIO
import Logging
import NIOCore
import ObjectStore
import Repository
import Testing

/// A writer with a state in memory: what a machine with a storage directory is to the command.
struct Machine {
    let repository: Repository
    /// The files as they are here.
    var files: [String: String] = [:]
    /// Nanoseconds since 1970 for the next change.
    var clock: Int64 = 1_000_000_000
    private var times: [String: Int64] = [:]
    /// The snapshot that the files come from.
    private(set) var base: (snapshot: Snapshot, files: [FileFacts])?
    var name = "test"
    /// What is captured; everything if `nil`.
    var scope: CaptureScope?

    init(_ store: any ObjectStore, repository: String = "owner/repo", environment: RepositoryEnvironment = .live) {
        self.repository = Repository(
            store: store, memory: "memory/github/owner-repo", repository: repository, agent: "github",
            environment: environment, concurrency: 8,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    mutating func write(_ path: String, _ content: String) {
        files[path] = content
        clock += 1_000_000_000
        times[path] = clock
    }

    /// Saves the files as they are.
    @discardableResult
    mutating func save() async throws -> SaveResult {
        let newest = try await repository.newest()
        let writer = SnapshotWriter(repository, upon: newest)
        var state: [SaveRequest.File] = []
        for (path, content) in files.sorted(by: { $0.key < $1.key }) {
            state.append(.new(try await Self.write(path, content, times[path] ?? clock, to: writer)))
        }
        state.sort { $0.path < $1.path }
        var request = SaveRequest(files: state, base: base, writer: name)
        request.scope = scope
        let result = try await repository.save(writer, request)
        try await take(result.snapshot, result.manifest)
        return result
    }

    /// Gives a writer one file, as a single blob.
    static func write(
        _ path: String, _ content: String, _ modified: Int64, to writer: SnapshotWriter
    ) async throws -> NewFile {
        let bytes = ByteBuffer(string: content)
        let digest = Digest(of: bytes)
        if bytes.readableBytes > 0, writer.claim(digest) {
            try await writer.write(SnapshotWriter.encode([(digest, bytes)]))
        }
        let chunks = bytes.readableBytes == 0 ? [] : [NewFile.Chunk(digest: digest, length: bytes.readableBytes)]
        return NewFile(
            path: try #require(RelativePath(path)), mode: 0o600, modified: modified, digest: digest, chunks: chunks)
    }

    /// Takes the newest snapshot in place of what is here.
    mutating func restore() async throws {
        let newest = try await repository.newest()
        guard let tip = newest.tip else { return }
        try await take(tip, newest.manifests[0])
    }

    private mutating func take(_ snapshot: Snapshot, _ manifest: Manifest) async throws {
        base = (snapshot, manifest.entries.map(\.facts))
        files = try await repository.contents(of: manifest)
        times = Dictionary(uniqueKeysWithValues: manifest.entries.map { ("\($0.path)", $0.modified) })
    }
}

extension Repository {
    /// All files of a snapshot.
    func contents(of manifest: Manifest) async throws -> [String: String] {
        var files: [String: String] = [:]
        for entry in manifest.entries {
            let bytes = try await content(of: entry)
            files["\(entry.path)"] = String(buffer: bytes)
        }
        return files
    }
}
