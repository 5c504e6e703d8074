import FileIO
import FoundationEssentials
import Hummingbird
import HummingbirdTesting
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository
import Testing

@testable import HoldfastService

/// A memory in a store that exists in this process only, watched, and the page that shows it.
final class StatusFixture: Sendable {
    let store: any ObjectStore
    let repository: Repository
    let board: HealthBoard
    /// The snapshots, the newest last.
    private let saved = NIOLockedValueBox<[SaveResult]>([])
    /// Seconds since 1970.
    let clock = NIOLockedValueBox(1_800_000_000.0)

    init(_ store: (any ObjectStore)? = nil, health: MemoryHealth? = nil) {
        let store = store ?? MemoryObjectStore(meter: TransferMeter())
        self.store = store
        let live = RepositoryEnvironment.live
        let clock = clock
        repository = Repository(
            store: store, memory: "opencode-storage/discord/octo-org-website", repository: "octo-org/website",
            agent: "discord",
            environment: RepositoryEnvironment(
                random: live.random, sleep: live.sleep, now: { Int64(clock.withLockedValue { $0 } * 1000) },
                uptime: live.uptime), concurrency: 4, logger: Self.silent)
        board = HealthBoard([
            health
                ?? MemoryHealth(
                    id: "website", repository: "octo-org/website", agent: "discord",
                    location: "s3://bot/opencode-storage/discord/octo-org-website", storage: "/srv/opencode/storage",
                    started: Date(timeIntervalSince1970: 1_799_990_000))
        ])
        board.update("website") { $0.state = .idle }
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    var snapshots: [Snapshot] { saved.withLockedValue { $0.map(\.snapshot) } }
    var now: Date { Date(timeIntervalSince1970: clock.withLockedValue { $0 }) }

    /// Longer files are cut, in bytes.
    private static let chunk = 64 << 10

    /// Saves files as the whole state. Time goes on by a minute.
    @discardableResult
    func save(_ files: [[UInt8]: [UInt8]], writer name: String = "bot-1:4711") async throws -> Snapshot {
        let (clock, last) = (clock, saved.withLockedValue { $0.last })
        let modified = Int64(clock.withLockedValue { $0 }) * 1_000_000_000
        let writer = SnapshotWriter(repository, upon: try await repository.newest())
        var state: [SaveRequest.File] = []
        for (path, content) in files {
            var chunks: [NewFile.Chunk] = []
            for start in stride(from: 0, to: content.count, by: Self.chunk) {
                let bytes = ByteBuffer(bytes: content[start..<min(start + Self.chunk, content.count)])
                let digest = Digest(of: bytes)
                chunks.append(NewFile.Chunk(digest: digest, length: bytes.readableBytes))
                if writer.claim(digest) { try await writer.write(SnapshotWriter.encode([(digest, bytes)])) }
            }
            let digest = Digest(of: ByteBuffer(bytes: content))
            let path = try #require(RelativePath(path))
            state.append(
                .new(NewFile(path: path, mode: 0o600, modified: modified, digest: digest, chunks: chunks)))
        }
        state.sort { $0.path < $1.path }
        let base = last.map { ($0.snapshot, $0.manifest.entries.map(\.facts)) }
        let result = try await repository.save(
            writer, SaveRequest(files: state, base: base, writer: name, run: nil, note: nil))
        saved.withLockedValue { $0.append(result) }
        clock.withLockedValue { $0 += 60 }
        return result.snapshot
    }

    @discardableResult
    func save(_ files: [String: String]) async throws -> Snapshot {
        try await save(Dictionary(uniqueKeysWithValues: files.map { (Array($0.key.utf8), Array($0.value.utf8)) }))
    }

    /// The server's routes, without a socket.
    func application(
        token: AccessToken? = nil, address: String = "127.0.0.1:0", limits: SnapshotReader.Limits = .init(),
        redact: @escaping @Sendable (String) -> String = { $0 }
    ) throws -> some ApplicationProtocol {
        let now = self.clock
        let site = Site(
            board: board,
            memories: board.memories.map {
                ShownMemory(id: $0.id, reader: SnapshotReader(repository, limits: limits))
            },
            version: "0.1.0", redact: redact,
            now: { Date(timeIntervalSince1970: now.withLockedValue { $0 }) })
        let options = StatusServer.Options(
            address: try HTTPAddress(address), token: token, version: "0.1.0", redact: redact)
        return StatusServer.application(site, options, Self.silent)
    }

    /// Asks for a page and reads it strictly.
    func page(
        _ uri: String, status: HTTPResponse.Status = .ok, limits: SnapshotReader.Limits = .init()
    ) async throws -> (text: String, markup: MarkupCheck) {
        try await application(limits: limits).test(.router) { client in
            let response = try await client.execute(uri: uri, method: .get)
            let text = String(buffer: response.body)
            #expect(response.status == status, "\(uri): \(text)")
            #expect(response.headers[.contentType] == "text/html; charset=utf-8")
            do { return (text, try MarkupCheck.check(page: text)) } catch {
                Issue.record("\(uri): \(error)\n\(text)")
                throw error
            }
        }
    }
}
