import FileIO
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Repository

/// The real repository.
package struct HoldfastKind: RepositoryKind {
    private static let memory = "agent/owner-repo"
    private static let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    /// What was read and verified once; no object changes.
    private struct Cache: Sendable {
        var contents: [BlobReference: String] = [:]
        var snapshots: [ObjectKey: Snapshot] = [:]
    }

    private let cache = NIOLockedValueBox(Cache())

    package init() {}

    package var ancestorLimit: Int { 100 }

    package func open(
        _ client: ClientWorld, random: @escaping @Sendable () -> UInt64, settings: Settings
    ) -> any RepositoryUnderTest {
        let environment = RepositoryEnvironment(
            random: random, sleep: { try await client.sleep(nanoseconds: Int64($0 / .nanoseconds(1))) },
            now: { client.wallClock / 1_000_000 }, uptime: { .nanoseconds(client.monotonicClock) })
        return HoldfastClient(
            repository: repository(client.store, environment),
            policy: PrunePolicy(
                keepLast: settings.keepLast ?? .max, keepWithin: .zero, grace: .nanoseconds(settings.grace)),
            mostPacks: settings.mostPacks, merging: settings.merging, random: random)
    }

    private func repository(_ store: any ObjectStore, _ environment: RepositoryEnvironment) -> Repository {
        Repository(
            store: store, memory: Self.memory, repository: "owner/repo", agent: "agent", environment: environment,
            concurrency: 4, logger: Self.logger)
    }

    package func facts(of key: ObjectKey, in bucket: Bucket) throws -> CommitFacts? {
        let prefix = "\(Self.memory)/commits/"
        guard key.hasPrefix(prefix), let bytes = bucket[key]?.content else { return nil }
        let name = String(key.text.dropFirst(prefix.count))
        guard let snapshot = Snapshot.kept(name: name, bytes: bytes, etag: bucket.info(key)?.etag) else {
            throw Violation("it is no commit")
        }
        cache.withLockedValue { $0.snapshots[key] = snapshot }
        let store = BucketStore(bucket, isIntact: true)
        let repository = repository(store, .live)
        let manifest = try runNow { try await repository.manifest(of: snapshot) }
        var needs = store.takeRead()
        let unknown = cache.withLockedValue { cache in
            manifest.entries.filter { entry in entry.references.contains { cache.contents[$0] == nil } }
        }
        if !unknown.isEmpty {
            let read = try runNow { try await repository.contents(of: unknown) }
            cache.withLockedValue { cache in
                for entry in unknown {
                    for blob in entry.references { cache.contents[blob] = read[blob.digest].map { String(buffer: $0) } }
                }
            }
        }
        var files: [String: String] = [:]
        for entry in manifest.entries {
            for blob in entry.references {
                let pack = blob.frame.pack.hexadecimal
                needs.insert(ObjectKey("\(Self.memory)/packs/\(pack.prefix(2))/\(pack)"))
                files["\(entry.path)"] = cache.withLockedValue { $0.contents[blob] }
            }
        }
        let commit = snapshot.commit
        let key = { (name: CommitName) in ObjectKey("\(prefix)\(name)") }
        var facts = CommitFacts(
            key: key(snapshot.name), id: snapshot.id.hexadecimal,
            parents: (commit.parents + commit.sides).map { key($0.name) }, files: files, needs: needs.sorted())
        facts.sides = commit.sides.map { key($0.name) }
        facts.isSide = commit.isSide
        facts.memory = commit.memory
        let ancestors = commit.ancestors.map { (key($0.name), $0.hash ?? "") }
        facts.ancestors = Dictionary(ancestors) { first, _ in first }
        let passedOver = commit.passedOver.map { (key($0.name), $0.reason.rawValue) }
        facts.passedOver = Dictionary(passedOver) { first, _ in first }
        return facts
    }

    /// What every reader takes for the heads.
    package func heads(of commits: [CommitFacts], in bucket: Bucket) throws -> HeadsSeen {
        let repository = repository(BucketStore(bucket, isIntact: false), .live)
        let known = cache.withLockedValue { cache in commits.compactMap { cache.snapshots[$0.key] } }
        let heads = try runNow { try await repository.heads(known: known) }
        let key = { (name: CommitName) in ObjectKey("\(Self.memory)/commits/\(name)") }
        return HeadsSeen(
            heads: heads.snapshots.map { key($0.name) }, damaged: heads.damaged.map { key($0.name) },
            unproven: heads.unproven.map(key))
    }
}
