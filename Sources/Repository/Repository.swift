import FileIO
import Logging
import ObjectStore

/// The snapshots of one memory in a store.
///
/// This box knows packs, manifests, commits, how they are merged and when they may be deleted. It knows nothing of the
/// disk that the files come from, nor of S3. The format is specified in `docs/format.md`. What is written under `packs/`
/// and `commits/` is never changed, and a commit is written only after everything that it refers to.
public struct Repository: Sendable {
    /// The most keys that are asked for to find the newest commits.
    static let newestLimit = 100

    public let store: any ObjectStore
    /// The key of the memory, without a slash at the end.
    public let memory: String
    /// The true name of the repository that the memory belongs to, `owner/name`.
    public let repository: String
    public let agent: String
    let environment: RepositoryEnvironment
    /// Requests at once.
    let concurrency: Int
    let logger: Logger
    /// Frames that need not be fetched from the store.
    public var nearby: NearbyFrames?

    public init(
        store: any ObjectStore, memory: String, repository: String, agent: String,
        environment: RepositoryEnvironment = .live, concurrency: Int = 32, logger: Logger
    ) {
        self.store = store
        self.memory = memory
        self.repository = repository
        self.agent = agent
        self.environment = environment
        self.concurrency = concurrency
        self.logger = logger
    }

    var commitPrefix: String { "\(memory)/commits/" }
    var packPrefix: String { "\(memory)/packs/" }

    /// The name of the commit that a key below ``commitPrefix`` is of; `nil` for any other object.
    func commitName(_ key: ObjectKey) -> CommitName? {
        CommitName(String(decoding: key.text.utf8.dropFirst(commitPrefix.utf8.count), as: UTF8.self))
    }

    func key(of commit: CommitName) -> ObjectKey { ObjectKey("\(commitPrefix)\(commit)") }

    /// The key of a snapshot's commit.
    public func key(of snapshot: Snapshot) -> ObjectKey { key(of: snapshot.name) }

    func key(ofPack pack: Digest) -> ObjectKey {
        let digits = pack.hexadecimal
        return ObjectKey("\(packPrefix)\(digits.prefix(2))/\(digits)")
    }
}
