import FileIO
import Foundation
import Logging
import NIOCore
import ObjectStore
import S3Store
import TestSupport
import Testing

/// A store that the contract is run against; a new one is one more case.
enum Backend: Sendable, CustomTestStringConvertible {
    case memory
    case file
    case s3(TestServerKind)

    static let all: [Backend] = [.memory, .file] + TestServerKind.selected.map { .s3($0) }

    static func all(where condition: (ServerTraits) -> Bool) -> [Backend] {
        all.filter { $0.traits.map(condition) ?? true }
    }

    var traits: ServerTraits? { if case .s3(let kind) = self { kind.traits } else { nil } }

    /// JuiceFS keeps the directories of deleted objects and lists them as empty objects.
    func isLeftover(_ key: ObjectKey) -> Bool {
        if case .s3(.juicefs) = self { key.text.hasSuffix("/") } else { false }
    }

    var testDescription: String {
        switch self {
        case .memory: "memory"
        case .file: "file"
        case .s3(let kind): kind.rawValue
        }
    }

    /// Opens the store for a test, with a prefix that nobody else uses.
    func open(_ body: (any ObjectStore, String) async throws -> Void) async throws {
        switch self {
        case .memory: try await body(MemoryObjectStore(), "test")
        case .file:
            try await withTemporaryDirectory { directory in
                try await body(FileObjectStore(root: directory.path + "/store"), "test")
            }
        case .s3(let kind):
            let server = try await TestServer.shared(kind)
            try await server.withStore { try await body($0, server.prefix()) }
        }
    }
}

extension TestServer {
    /// Opens the server's bucket.
    func withStore<Result>(
        _ identity: Identity? = nil, concurrency: Int = 16,
        _ body: (S3Store) async throws -> Result
    ) async throws -> Result {
        let identity = identity ?? identities.full
        let configuration = S3Configuration(
            bucket: bucket,
            endpoint: S3EndpointOptions(region: region, endpoint: url, allowInsecureEndpoint: true),
            concurrency: concurrency)
        let credentials = Credentials(accessKeyID: identity.accessKey, secretAccessKey: identity.secretKey)
        return try await S3Store.withStore(
            configuration, credentials: FixedCredentials(credentials),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            body)
    }
}

/// Bytes that differ from place to place, so that a piece in the wrong place shows: a block whose length is a prime
/// number, so that no piece of a round length starts where the one before did.
func pattern(_ count: Int, seed: UInt8 = 0) -> ByteBuffer {
    var state = UInt32(seed) &+ 1
    let block = (0..<8191).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
    var buffer = ByteBuffer()
    buffer.reserveCapacity(count + block.count)
    while buffer.readableBytes < count { buffer.writeBytes(block) }
    return buffer.getSlice(at: 0, length: count) ?? ByteBuffer()
}

extension ObjectStore {
    func read(_ key: ObjectKey, range: Range<Int64>? = nil, ifMatch: ETag? = nil) async throws -> ByteBuffer {
        try await get(key, range: range, ifMatch: ifMatch).collect(upTo: 1 << 26)
    }
}

// Untyped forms: the macros of Swift Testing do not forward typed throws.
extension ObjectStore {
    func exists(_ key: ObjectKey) async throws -> Bool { try await find(key) != nil }
    func keys(_ prefix: String) async throws -> [ObjectKey] { try await list(prefix: prefix).collect().map(\.key) }
    func failures(ofDeleting keys: [ObjectKey]) async throws -> [ObjectKey] { try await delete(keys).map(\.key) }
}

/// The kind of the error that some work ends with; fails the test if it ends well.
func kind(_ work: () async throws -> Void) async -> StoreError.Kind? {
    do {
        try await work()
        return nil
    } catch {
        return (error as? StoreError)?.kind
    }
}
