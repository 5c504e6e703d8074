import FileIO
import ObjectStore

/// What a look at every snapshot of a memory came to.
public struct VerifyReport: Sendable, Equatable {
    /// An object that is not what it should be, and what that hurts.
    public struct Damage: Sendable, Equatable {
        public let key: ObjectKey
        /// As the end of a sentence that starts with the key.
        public let reason: String
        /// The short ids of the snapshots that cannot be restored whole, the newest first.
        public let snapshots: [String]
        /// Some of the files that are hurt, in the order of their paths; empty where the damage hides which they are.
        public let paths: [RelativePath]
        /// How many files are hurt, at most: those whose paths cannot be told may be among those whose paths can.
        public let pathCount: Int

        public init(key: ObjectKey, reason: String, snapshots: [String], paths: [RelativePath]) {
            (self.key, self.reason, self.snapshots, self.paths) = (key, reason, snapshots, paths)
            pathCount = paths.count
        }

        init(key: ObjectKey, reason: String, snapshots: [String], paths: [RelativePath], pathCount: Int) {
            (self.key, self.reason, self.snapshots) = (key, reason, snapshots)
            (self.paths, self.pathCount) = (paths, pathCount)
        }

        /// How many paths are named.
        static let namedPaths = 5
        /// How many reasons are given for one object.
        static let namedReasons = 3
    }

    /// Snapshots whose commits could be read.
    public internal(set) var snapshots = 0
    /// Those of them that are proven whole, as far as was looked.
    public internal(set) var wholeSnapshots = 0
    /// Packs that a snapshot needs, and the bytes of those that are there.
    public internal(set) var packs = 0
    public internal(set) var packBytes: Int64 = 0
    /// Different blobs that a snapshot refers to, parts of manifests included.
    public internal(set) var blobs = 0
    /// Whether the packs were downloaded, so that every byte was looked at.
    public internal(set) var isDataRead = false
    /// In the order of their keys.
    public internal(set) var damages: [Damage] = []
    /// Objects that a newer version of Holdfast wrote, each with what it has that is not known: nothing is proven of
    /// them.
    public internal(set) var unknown: [Damage] = []
    /// What is odd and hurts nothing.
    public internal(set) var notes: [String] = []
    /// Packs that no snapshot needs: left by interrupted saves, of a save at work, or for
    /// ``Repository/prune(_:dryRun:)``.
    public internal(set) var unreferencedPacks = 0
    public internal(set) var unreferencedBytes: Int64 = 0
    /// Objects under `commits/` and `packs/` whose names are not those of commits and packs.
    public internal(set) var strangers: [ObjectKey] = []

    public init() {}

    /// Adds damage that only who knows what the files are can find.
    public mutating func add(_ found: [Damage]) {
        let hurt = Set(found.flatMap(\.snapshots)).subtracting(damages.flatMap(\.snapshots))
        wholeSnapshots = max(0, wholeSnapshots - hurt.count)
        damages = (damages + found).sorted { $0.key < $1.key }
    }
}

/// How far a verification has come in reading packs.
public struct VerifyProgress: Sendable, Equatable {
    public var donePacks = 0
    public var packs = 0
    public var doneBytes: Int64 = 0
    public var bytes: Int64 = 0
}
