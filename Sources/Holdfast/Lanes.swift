import Basics
import NIOConcurrencyHelpers
import ObjectStore

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
