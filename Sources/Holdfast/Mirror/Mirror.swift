import AgentFiles
import Basics
import Logging
import NIOConcurrencyHelpers
import ObjectStore

/// The mirror view of a memory: one object for each file, under the keys of RFC-019 §3.
///
/// A memory that only has this view is restored from it by ``pull(onConflict:)``; beside snapshots, it follows them.
struct Mirror: Sendable {
    let store: any ObjectStore
    let location: MemoryLocation
    /// The storage directory.
    let storage: String
    let exclusions: Exclusions
    /// Transfers at once.
    let concurrency: Int
    let base: SyncBaseFile?
    let meter: TransferMeter
    let progress: SyncProgress
    let logger: Logger

    /// - Parameters:
    ///   - meter: the one that `store` counts with.
    ///   - stateDirectory: where to remember what was synchronised last; without it, a pull takes every difference
    ///     for a conflict.
    init(
        store: any ObjectStore, location: MemoryLocation, storage: String, exclusions: Exclusions = Exclusions(),
        concurrency: Int = 32, stateDirectory: String? = nil, meter: TransferMeter,
        progress: SyncProgress = SyncProgress(), logger: Logger
    ) {
        self.store = store
        self.location = location
        self.storage = storage
        self.exclusions = exclusions
        self.concurrency = concurrency
        base = stateDirectory.map {
            SyncBaseFile(directory: $0, store: store.location, memory: location.key, storage: storage)
        }
        self.meter = meter
        self.progress = progress
        self.logger = logger
    }

    /// The key of a file.
    func key(_ path: String) -> ObjectKey { ObjectKey(location.mirrorPrefix + path) }
}

/// Collects what tasks find, in no order.
final class Collected<Element: Sendable>: Sendable {
    private let box = NIOLockedValueBox<[Element]>([])
    func add(_ element: Element) { box.withLockedValue { $0.append(element) } }
    var all: [Element] { box.withLockedValue { $0 } }
}

/// Files by size, so that what is in memory at a time stays bounded: whole files up to ``whole`` are held at once.
enum Lanes {
    /// Up to here as many as the user allows run at once: 32 of them hold 32 MiB.
    static let small: Int64 = 1 << 20
    /// Up to here a file is held in memory as a whole.
    static let whole: Int64 = 8 << 20
    static let mediumAtOnce = 6

    /// Runs `work` for each item: the small ones side by side, the medium ones a few at a time, the large ones one after
    /// the other, since each of them is transferred in parallel parts.
    static func run<Item: Sendable>(
        _ items: [Item], concurrency: Int, size: (Item) -> Int64,
        _ work: @escaping @Sendable (Item) async throws -> Void
    ) async throws {
        try await forEachConcurrently(items.filter { size($0) <= small }, limit: concurrency, work)
        let medium = items.filter { size($0) > small && size($0) <= whole }
        try await forEachConcurrently(medium, limit: min(concurrency, mediumAtOnce), work)
        for item in items.filter({ size($0) > whole }) { try await work(item) }
    }
}
