import Agents

/// What an operation did to the sessions of a memory. What could not be counted is `nil`.
public struct SessionCounts: Sendable, Equatable {
    /// A session that is in the memory and that the agent here does not show.
    public struct Hidden: Sendable, Equatable {
        public let id: String
        public let reason: String
    }

    /// In the memory after the operation.
    public var total: Int?
    /// New where the operation wrote: in the store, or here.
    public var added: Int?
    /// There before, and changed since.
    public var continued: Int?
    public var removed: Int?
    /// Those that the agent here shows.
    public var visible: Int?
    public var hidden: [Hidden] = []

    public init() {}

    /// Nothing has changed yet.
    static let none = {
        var counts = SessionCounts()
        (counts.added, counts.continued, counts.removed) = (0, 0, 0)
        return counts
    }()

    /// - Parameters: `nil` where they could not be counted.
    ///   - before: where the operation wrote, before it did.
    ///   - after: the same, afterwards.
    ///   - total: in the memory.
    init(before: SessionCensus?, after: SessionCensus?, total: SessionCensus?) {
        self.total = total?.count
        guard let before, let after else { return }
        added = after.gained(since: before)
        continued = after.continued(since: before)
        removed = after.lost(since: before)
    }

    /// Adds what a further step of the same operation did.
    mutating func add(_ other: SessionCounts) {
        func sum(_ a: Int?, _ b: Int?) -> Int? { a.flatMap { a in b.map { a + $0 } } }
        total = other.total ?? total
        added = sum(added, other.added)
        continued = sum(continued, other.continued)
        removed = sum(removed, other.removed)
        visible = other.visible ?? visible
        hidden += other.hidden
    }
}
