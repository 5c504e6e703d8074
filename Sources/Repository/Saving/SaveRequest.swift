import FileIO

/// A state that is to become a snapshot.
public struct SaveRequest: Sendable {
    /// A file of the state.
    public enum File: Sendable {
        /// As it is in ``base``.
        case unchanged(FileFacts)
        /// As it is in some snapshot that is kept.
        case stored(Entry)
        /// Handed to the writer.
        case new(NewFile)

        public var path: RelativePath { facts.path }

        /// What a merge looks at.
        public var facts: FileFacts {
            switch self {
            case .unchanged(let facts): facts
            case .stored(let entry): entry.facts
            case .new(let file): file.facts
            }
        }
    }

    /// In the order of their paths.
    public var files: [File]
    /// The snapshot that the state was made from, and the files that were the same here then, in the order of their paths;
    /// `nil` if that is not known. Then nothing counts as removed.
    public var base: (snapshot: Snapshot, files: [FileFacts])?
    /// Manifest of the base, if ``Repository/keptManifest(of:known:beside:)`` gave it.
    public var baseManifest: Manifest?
    /// How the base stands to the newest snapshots, if that was found out already; only what they contain is a base.
    public var lineage: Lineage?
    /// Under which rules the state was captured: what lies outside of them is not removed. `nil` if everything was.
    public var scope: CaptureScope?
    /// Who saves: host and process, for people.
    public var writer: String
    public var run: Commit.Run?
    /// What makes the commit other than a save.
    public var note: String?
    /// Is told, before each attempt to commit the state, all snapshots that it may have become, and the side commits
    /// that have the state itself, of which each that is a merge names one.
    public var willCommit: (@Sendable (_ proposed: [Snapshot], _ sides: [Snapshot]) async -> Void)?
    /// Brings two versions of a file together that changed on both sides, gives the result to the writer, and returns it;
    /// `nil` if it knows no better than to take the newer one. Throws ``UnmergeableFile`` if neither may take the other's
    /// place.
    public var mergeFile: (@Sendable (FileMerge) async throws -> NewFile?)?

    public init(
        files: [File], base: (snapshot: Snapshot, files: [FileFacts])?, writer: String, run: Commit.Run? = nil,
        note: String? = nil
    ) {
        self.files = files
        self.base = base
        self.writer = writer
        self.run = run
        self.note = note
    }
}

/// What a save came to.
public struct SaveResult: Sendable {
    /// The newest snapshot, which contains the saved state.
    public let snapshot: Snapshot
    public let manifest: Manifest
    /// Whether there was anything to save.
    public let isNew: Bool
    /// Other snapshots were merged with the state.
    public let isMerged: Bool
    /// Snapshot that has the state as it was saved: ``snapshot`` itself, or a side or parent of it. `nil` if there was
    /// nothing to save.
    public let own: (snapshot: Snapshot, manifest: Manifest)?
    /// Paths that had changed on both sides. The version that is not in the snapshot is in a parent or a side of it.
    public let conflicts: [RelativePath]
    /// Versions of files that lost a conflict.
    public let losers: [Loser]
    /// Heads that could not be merged with the state, each with the reason.
    public let apart: [Apart]
    /// Bytes of the packs that were uploaded.
    public let uploadedBytes: Int64

    /// A version of a file that lost against another one.
    public struct Loser: Sendable, Equatable {
        public let path: RelativePath
        /// It is a version of the state that was saved.
        public let isOurs: Bool
        /// Snapshots one of which has it.
        public let keptIn: [Snapshot]
    }

    /// A head that stays beside the one that was saved.
    public struct Apart: Sendable, Equatable {
        public let snapshot: Snapshot
        public let reason: String
    }
}
