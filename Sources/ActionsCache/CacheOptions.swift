/// The two services: REST (GitHub Enterprise Server, act, Gitea, Forgejo) and Twirp with block blobs (github.com).
public enum CacheServiceVersion: String, Sendable, CaseIterable {
    case v1, v2
}

extension ActionsCache {
    /// Settings of a caller; the defaults are those of `actions/cache` 5 where it has any.
    public struct Options: Sendable {
        /// Use this service, whatever the environment says.
        public var service: CacheServiceVersion?
        /// Transfers that run at once.
        public var concurrency = 8
        /// Bytes of one range of a download.
        public var rangeSize = 4 << 20
        /// Bytes of one block of an upload (v2). At most 4000 MiB, and 50,000 blocks make a blob.
        public var blockSize = 64 << 20
        /// An archive up to this size is uploaded in one request (v2).
        public var singleUploadLimit = 128 << 20
        /// Bytes of one chunk of an upload (v1).
        public var chunkSize = 32 << 20
        /// Programs, by name or path.
        public var tar = "tar"
        public var zstd = "zstd"
        public var gzip = "gzip"
        /// For one exchange with the control plane, for one range of a download, and for one upload request.
        public var controlLimit = Duration.seconds(180)
        public var rangeLimit = Duration.seconds(120)
        public var uploadLimit = Duration.seconds(600)
        /// How long a connection may be silent.
        public var stallLimit = Duration.seconds(60)
        /// The largest archive that is fetched, and the most that it may expand to, in bytes.
        public var archiveLimit: Int64 = 10 << 30
        public var expandedLimit: Int64 = 40 << 30
        /// The most files and directories that an archive may hold.
        public var memberLimit = 2_000_000
        /// How the client waits.
        public var timing = CacheTiming()

        public init() {}
    }
}

/// How the client waits between attempts. Tests replace it, so that they need not wait.
public struct CacheTiming: Sendable {
    /// A number in 0..<1, for jitter.
    public var random: @Sendable () -> Double
    /// - Throws: `CancellationError`.
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        random: @escaping @Sendable () -> Double = { .random(in: 0..<1) },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        (self.random, self.sleep) = (random, sleep)
    }
}
