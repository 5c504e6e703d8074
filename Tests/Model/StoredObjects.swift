import Foundation
import Logging
import NIOCore
import ObjectStore
import S3Store
import TestSupport

/// The objects of a store, as they are for somebody who goes behind the back of Holdfast.
protocol StoredObjects: Sendable {
    /// The keys below the place of the scenario, in their order.
    func keys() async throws -> [String]
    func read(_ key: String) async throws -> Data
    func write(_ key: String, _ content: Data) async throws
    func remove(_ key: String) async throws
}

/// Those of an embedded store.
struct FolderObjects: StoredObjects {
    let folder: URL

    func keys() throws -> [String] { try AgentMachine.files(below: folder).sorted() }
    func read(_ key: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(key)) }
    func remove(_ key: String) throws { try FileManager.default.removeItem(at: folder.appendingPathComponent(key)) }

    func write(_ key: String, _ content: Data) throws {
        let file = folder.appendingPathComponent(key)
        try? FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
        try content.write(to: file)
    }
}

/// Those of a bucket.
struct BucketObjects: StoredObjects {
    let server: TestServer
    let prefix: String

    func keys() async throws -> [String] {
        try await open { store in
            try await store.list(prefix: prefix + "/").collect().map(\.key.text).sorted()
        }
    }

    func read(_ key: String) async throws -> Data {
        try await open { store in
            Data(try await store.get(ObjectKey(key), range: nil, ifMatch: nil).collect(upTo: 1 << 26).readableBytesView)
        }
    }

    func write(_ key: String, _ content: Data) async throws {
        try await open { store in
            _ = try await store.put(ObjectKey(key), .bytes(ByteBuffer(bytes: content)), .overwrite)
        }
    }

    func remove(_ key: String) async throws {
        try await open { store in
            if let failure = try await store.delete([ObjectKey(key)]).first { throw failure.error }
        }
    }

    private func open<Result>(_ body: (S3Store) async throws -> Result) async throws -> Result {
        let identity = server.identities.full
        return try await S3Store.withStore(
            S3Configuration(
                bucket: server.bucket,
                endpoint: S3EndpointOptions(
                    region: server.region, endpoint: server.url, allowInsecureEndpoint: true)),
            credentials: FixedCredentials(
                Credentials(accessKeyID: identity.accessKey, secretAccessKey: identity.secretKey)),
            logger: Logger(label: "model") { _ in SwiftLogNoOpLogHandler() }, body)
    }
}
