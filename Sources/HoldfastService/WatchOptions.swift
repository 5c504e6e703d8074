import Holdfast

/// How a memory is watched.
public struct WatchOptions: Sendable {
    /// How changes are noticed.
    public enum Detection: String, Sendable, CaseIterable {
        /// As the system tells of them, and by a scan now and then; by scans alone where it tells of nothing.
        case auto
        /// By scans alone, as for a directory that another machine writes to.
        case scan
    }

    public var detection = Detection.auto
    /// Bring the store's state here first.
    public var restores = true
    /// The memories of other identities for the same storage directory: the first that has a snapshot seeds an empty one.
    public var shareFrom: [Memory] = []
    /// The memories of other identities, whose new sessions are brought here again and again.
    public var follows: [Memory] = []
    /// The pause between two looks at a followed memory, at the longest.
    public var pollInterval = Duration.seconds(5)
    /// The pause between two scans for changes that nobody told of.
    public var scanInterval = Duration.seconds(60)
    /// A database of more bytes than this is large.
    public var largeDatabase: Int64 = 1 << 30
    /// Large databases are saved no more often than this.
    public var largeDatabaseInterval = Duration.seconds(30)

    public init() {}
}
