import AgentFiles
import FileIO
import Foundation
import Holdfast
import HoldfastService
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import ServiceLifecycle
import TestSupport

/// A store in memory that fails while a test wants it to.
struct UnreliableStore: ObjectStore {
    let base = MemoryObjectStore()
    private let fault = NIOLockedValueBox<StoreError?>(nil)
    private let calls = NIOLockedValueBox(0)

    /// From now on, every call fails with this; with `nil`, none does.
    func failing(_ error: StoreError?) { fault.withLockedValue { $0 = error } }

    /// How often it was called.
    var count: Int { calls.withLockedValue { $0 } }

    static let unreachable = StoreError(.unreachable, "reach", "nobody answers")

    private func check() throws(StoreError) {
        calls.withLockedValue { $0 += 1 }
        if let error = fault.withLockedValue({ $0 }) { throw error }
    }

    var capabilities: StoreCapabilities { base.capabilities }
    var location: String { base.location }

    func get(_ key: ObjectKey, range: Range<Int64>?, ifMatch: ETag?) async throws(StoreError) -> ObjectContent {
        try check()
        return try await base.get(key, range: range, ifMatch: ifMatch)
    }
    func head(_ key: ObjectKey) async throws(StoreError) -> ObjectInfo {
        try check()
        return try await base.head(key)
    }
    func put(_ key: ObjectKey, _ body: ObjectBody, _ rule: WriteRule) async throws(StoreError) -> ObjectInfo {
        try check()
        return try await base.put(key, body, rule)
    }
    func page(prefix: String, after token: String?, limit: Int) async throws(StoreError) -> ObjectPage {
        try check()
        return try await base.page(prefix: prefix, after: token, limit: limit)
    }
    func delete(_ keys: [ObjectKey]) async throws(StoreError) -> [DeleteFailure] {
        try check()
        return try await base.delete(keys)
    }
    func holds(_ body: ObjectBody, as object: ObjectInfo) async throws(StoreError) -> Bool {
        try check()
        return try await base.holds(body, as: object)
    }
}

/// A storage directory whose memory is watched in this process.
struct ServiceFixture: Sendable {
    let folder: String
    let store = UnreliableStore()
    let board: HealthBoard

    var storage: String { "\(folder)/data/storage" }

    static func with(_ body: (ServiceFixture) async throws -> Void) async throws {
        try await withTemporaryDirectory("watch") { directory in
            let health = MemoryHealth(
                id: "m", repository: "owner/repo", agent: "github", location: "memory", storage: directory.path)
            try await body(ServiceFixture(folder: directory.path, board: HealthBoard([health])))
        }
    }

    func memory(_ agent: AgentIdentity = .github, machine: String = "data") throws -> Memory {
        Memory(
            store: store, location: try MemoryLocation(prefix: "p", agent: agent, repository: "owner/repo"),
            options: Memory.Options(
                storage: "\(folder)/\(machine)/storage", stateDirectory: "\(folder)/\(machine)-state", writer: "test"),
            meter: TransferMeter(), logger: .silent)
    }

    func write(_ path: String, _ text: String, machine: String = "data") throws {
        let url = URL(fileURLWithPath: "\(folder)/\(machine)/storage/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    var health: MemoryHealth { board["m"] ?? board.memories[0] }

    /// Watches while the body runs; then stops gracefully and waits for the end.
    func watching(_ options: WatchOptions = WatchOptions(), _ body: () async throws -> Void) async throws {
        let watch = MemoryWatch(
            id: "m", memory: try memory(), options: options, board: board, meter: TransferMeter(), logger: .silent)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: watch, successTerminationBehavior: .ignore)
                ], logger: .silent))
        async let running: Void = group.run()
        do { try await body() } catch {
            await group.triggerGracefulShutdown()
            try? await running
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running
    }

    /// The files of the newest snapshot, as another machine gets them.
    func stored() async throws -> [String: String] {
        try? FileManager.default.removeItem(atPath: "\(folder)/look")
        let reader = Memory(
            store: store.base, location: try MemoryLocation(prefix: "p", agent: .github, repository: "owner/repo"),
            options: Memory.Options(storage: "\(folder)/look/storage", writer: "reader"), meter: TransferMeter(),
            logger: .silent)
        let result = await reader.pull()
        guard result.success else { throw NeverHappened(description: "\(String(describing: result.error))") }
        var found: [String: String] = [:]
        let root = "\(folder)/look/storage"
        for path in FileManager.default.enumerator(atPath: root)?.compactMap({ $0 as? String }) ?? [] {
            guard let data = FileManager.default.contents(atPath: "\(root)/\(path)") else { continue }
            found[path] = String(decoding: data, as: UTF8.self)
        }
        return found
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
