/// Which snapshots are kept, and how long what nobody needs is left alone.
public struct PrunePolicy: Sendable, Equatable {
    /// The newest snapshots that are kept, at least 1.
    public var keepLast: Int
    /// Snapshots that the store wrote less than this ago are kept as well, by the store's clock.
    public var keepWithin: Duration
    /// Nothing is deleted that is younger than this, and no pack that was not seen unused at least this long ago.
    public var grace: Duration

    public static let defaultGrace = Duration.seconds(24 * 3600)

    public init(
        keepLast: Int = 16, keepWithin: Duration = .seconds(30 * 24 * 3600), grace: Duration = PrunePolicy.defaultGrace
    ) {
        self.keepLast = max(1, keepLast)
        self.keepWithin = keepWithin
        self.grace = grace
    }
}

/// What a prune did, or would do.
public struct PruneReport: Sendable, Equatable {
    /// Snapshots that are kept.
    public var keptSnapshots = 0
    /// Snapshots whose commits were deleted.
    public var removedSnapshots: [String] = []
    /// Packs that a kept snapshot needs, and their bytes.
    public var neededPacks = 0
    public var neededBytes: Int64 = 0
    /// Packs that no kept snapshot needs but that are left until they were seen unused twice, a grace apart.
    public var markedPacks = 0
    public var markedBytes: Int64 = 0
    /// Packs that were deleted.
    public var removedPacks = 0
    public var removedBytes: Int64 = 0
    /// What was not deleted although it should have been, each with the reason.
    public var failures: [String] = []

    public init() {}
}
