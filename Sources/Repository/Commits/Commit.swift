import FileIO

/// A commit: the object that makes a snapshot part of a memory's history. JSON, one to a few KB, never changed.
///
/// A commit of format 1 is read into the same type; what that format does not say is absent here.
public struct Commit: Sendable, Equatable {
    /// The format that the commit was read from; commits are written in ``currentFormat``.
    public internal(set) var format = Self.currentFormat
    /// The number of the commit, from 1.
    public let seq: UInt64
    /// 32 hex digits that no other commit has: tells one's own commit from another's under the same key.
    public let nonce: String
    /// 32 hex digits that all commits of a memory share; `nil` in format 1.
    public let memory: String?
    public let agent: String
    /// The repository's true name, since two may share a key.
    public let repository: String
    /// Commits that were merged and are continued, the newest first.
    public let parents: [Reference]
    /// Side commits that were merged.
    public var sides: [Reference] = []
    /// Whether this is a side commit: the own state of one side of a merge, which is never the newest snapshot.
    public var isSide = false
    /// The newest commits that this one contains, the newest first.
    public let ancestors: [Ancestor]
    /// Commits that were found and not merged.
    public var passedOver: [PassedOver] = []
    public let manifest: ManifestPlace
    public let store: StoreTrait

    // What may be sealed:

    /// Who saved: host and process, for people.
    public let writer: String
    /// When, by the writer's clock: ISO 8601 in UTC with milliseconds. For people, never compared.
    public let time: String
    /// Files in the snapshot.
    public let files: Int
    /// The sum of their sizes.
    public let bytes: Int64
    /// Bytes of the packs that this save uploaded.
    public let newBytes: Int64
    /// Under which rules the state was captured; `nil` if everything was.
    public var scope: CaptureScope?
    public var run: Run?
    /// Erased sessions, sorted; see ``Tombstone``.
    public var tombstones: [Tombstone] = []
    /// What made the commit other than a save: `rollback to …`, `adopted mirror`, `fork`.
    public var note: String?

    /// The format that is written, and the newest that is read.
    static let currentFormat = 2
    /// How many ancestors a commit names: at least as many as a listing of the newest commits shows.
    static let ancestorLimit = 100
    /// The longest commit that is read, in bytes.
    static let maxLength = 1 << 18
}

extension Commit {
    /// Another commit, by its name and its hash.
    public struct Reference: Codable, Sendable, Hashable {
        public let name: CommitName
        /// The SHA-256 of the commit's bytes.
        public let id: Digest

        public init(name: CommitName, id: Digest) {
            self.name = name
            self.id = id
        }

        private enum CodingKeys: String, CodingKey {
            case name
            case id = "sha256"
        }
    }

    /// A commit that a later one contains.
    public struct Ancestor: Sendable, Hashable {
        public let name: CommitName
        /// The first 32 hex digits of its id; `nil` in format 1, where a name alone proves nothing.
        public let hash: String?

        init(name: CommitName, hash: String?) {
            self.name = name
            self.hash = hash
        }

        init(_ reference: Reference) {
            self.init(name: reference.name, hash: Self.hash(of: reference.id))
        }

        static let hashLength = 32

        static func hash(of id: Digest) -> String { String(id.hexadecimal.prefix(hashLength)) }
    }

    /// A commit that was found and not merged.
    public struct PassedOver: Codable, Sendable, Hashable {
        /// Why: one of the constants, or what a later version has to say.
        public struct Reason: RawRepresentable, Codable, Sendable, Hashable {
            public let rawValue: String

            public init(rawValue: String) { self.rawValue = rawValue }

            public static let damaged = Reason(rawValue: "damaged")
            public static let refused = Reason(rawValue: "refused")
            public static let unmergeable = Reason(rawValue: "unmergeable")
        }

        public let name: CommitName
        public let reason: Reason
        /// The SHA-256 of its bytes, if they were read.
        public let id: Digest?

        private enum CodingKeys: String, CodingKey {
            case name, reason
            case id = "sha256"
        }
    }

    /// Where the manifest is, and how to read it in one request.
    public struct ManifestPlace: Sendable, Hashable {
        public let pack: Digest
        /// Size of the pack in bytes: the manifest lies in it, so it cannot know.
        public let packSize: Int
        /// Where the pages begin that were written with the root: pages, pack list and root follow each other.
        public let pages: Int
        public let root: BlobReference
        /// `nil` in format 1, where the root has the list.
        public let packList: BlobReference?
    }

    /// The run of a workflow that saved.
    public struct Run: Codable, Sendable, Hashable {
        /// Outcome of the restore before the save.
        public struct Restore: Codable, Sendable, Hashable {
            public let status: String?
            public let reason: String?

            public init(status: String?, reason: String?) {
                self.status = status
                self.reason = reason
            }
        }

        public let id: String?
        public let attempt: String?
        public let workflow: String?
        public let ref: String?
        public var restore: Restore?

        public init(
            id: String?, attempt: String? = nil, workflow: String? = nil, ref: String? = nil, restore: Restore? = nil
        ) {
            self.id = id
            self.attempt = attempt
            self.workflow = workflow
            self.ref = ref
            self.restore = restore
        }
    }

    /// Support of conditional creates that the writer found, and in which store.
    public struct StoreTrait: Codable, Sendable, Hashable {
        /// Two creates of one key have exactly one winner.
        public let createOnly: Bool
        /// The SHA-256 of the store's location. A copy of the memory in another store must find out anew.
        public let location: String
    }
}
