import Foundation
import ObjectStore
import TestSupport

@testable import Holdfast

/// Runs of a workflow, each on a machine of its own, with one cache and one store.
struct WriteThroughFixture: Sendable {
    let fixture: Fixture
    let cache: DirectoryCache

    static func with(
        _ store: (any ObjectStore)? = nil, _ body: (WriteThroughFixture) async throws -> Void
    ) async throws {
        try await Fixture.with(store) { fixture in
            try await body(
                WriteThroughFixture(fixture: fixture, cache: DirectoryCache(folder: "\(fixture.folder)/cache-service")))
        }
    }

    func place(_ machine: String, run: String) -> CachePlace {
        CachePlace(
            service: cache, directory: "\(fixture.folder)/\(machine)/cache",
            keys: CacheKeys(agent: .github, repository: "owner/repo", ref: "main", os: "Linux", runID: run))
    }

    /// The memory of a machine; in the cached store if there is no other.
    func memory(_ machine: String, _ kind: StoreKind) -> Memory {
        let cached = FileObjectStore(root: "\(fixture.folder)/\(machine)/cache")
        return fixture.memory(machine, store: kind == .cacheOnly ? cached : nil, keepsMirror: kind != .cacheOnly)
    }

    func restore(
        _ machine: String, _ policy: RestorePolicy = .newest, _ kind: StoreKind = .s3, usesCache: Bool = true,
        shareFrom: [AgentIdentity] = []
    ) async -> RestoreResult {
        await memory(machine, kind).restore(
            RestoreRequest(
                policy: policy, store: kind, cache: usesCache ? place(machine, run: machine) : nil,
                shareFrom: shareFrom))
    }

    /// - Parameter machine: where the run takes place; a machine of its own if `nil`.
    func save(
        _ run: String, _ kind: StoreKind = .s3, usesCache: Bool = true, trust: EventTrust = .trusted,
        machine: String? = nil
    ) async -> WriteThroughResult {
        let machine = machine ?? run
        return await memory(machine, kind).save(
            WriteThroughRequest(store: kind, cache: usesCache ? place(machine, run: run) : nil, trust: trust))
    }
}

/// Text that hardly compresses, and is always the same.
func letters(_ count: Int, seed: UInt64) -> String {
    var generator = SeededGenerator(seed: seed)
    return String(decoding: generator.bytes(count).map { UInt8(ascii: "a") + $0 & 15 }, as: UTF8.self)
}
