import FileIO
import FoundationEssentials
import NIOCore
import ObjectStore

/// A commit: the object that makes a snapshot part of a memory's history. JSON, one to a few KB, never changed.
public struct Commit: Codable, Sendable, Equatable {
    /// A commit that this one continues.
    public struct Parent: Codable, Sendable, Hashable {
        /// The part of the key behind `commits/`.
        public let name: String
        /// The SHA-256 of the parent's bytes, in hex.
        public let sha256: String
    }

    /// Where the manifest's root is, and how to read it in one request.
    public struct ManifestPlace: Codable, Sendable, Hashable {
        public let pack: String
        /// Size of the pack in bytes: the root lies in it, so it cannot know.
        public let packSize: Int
        /// Where the pages begin that were written with the root; they reach up to it.
        public let pages: Int
        /// The root's frame: from the start of the pack, in bytes.
        public let offset: Int
        public let storedLength: Int
        /// Length of the root in bytes.
        public let length: Int
        /// The SHA-256 of the root.
        public let sha256: String
    }

    /// The run of a workflow that saved.
    public struct Run: Codable, Sendable, Hashable {
        public let id: String
        public let attempt: String?
        public let workflow: String?
        public let ref: String?

        public init(id: String, attempt: String? = nil, workflow: String? = nil, ref: String? = nil) {
            self.id = id
            self.attempt = attempt
            self.workflow = workflow
            self.ref = ref
        }
    }

    /// What the writer knew of conditional creates, and of which store.
    public struct StoreTrait: Codable, Sendable, Hashable {
        /// Two creates of one key have exactly one winner.
        public let createOnly: Bool
        /// The SHA-256 of the store's location. A copy of the memory in another store must find out anew.
        public let location: String
    }

    public let format: Int
    public let seq: UInt64
    /// 32 hex digits that no other commit has: tells one's own commit from another's under the same key.
    public let nonce: String
    public let parents: [Parent]
    /// The newest commits that this one contains, parents first: the parts of their keys behind `commits/`.
    public let ancestors: [String]
    /// The repository's true name, since two may share a key.
    public let repository: String
    public let agent: String
    /// Who saved: host and process, for people.
    public let writer: String
    /// When, by the writer's clock: ISO 8601 in UTC with milliseconds. For people, never compared.
    public let time: String
    public let run: Run?
    /// Files in the snapshot.
    public let files: Int
    /// The sum of their sizes.
    public let bytes: Int64
    /// Bytes of the packs that this save uploaded.
    public let newBytes: Int64
    public let manifest: ManifestPlace
    public let store: StoreTrait
    /// What made the commit other than a save: `rollback to …`, `adopted mirror`, `fork`.
    public let note: String?

    /// How many ancestors a commit names: at least as many as a listing of the newest commits shows.
    static let ancestorLimit = 100
    /// The longest commit that is read, in bytes.
    static let maxLength = 1 << 18

    func encode() throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ByteBuffer(bytes: try encoder.encode(self))
    }

    /// Reads a commit and checks it against its name.
    ///
    /// All parents and ancestors have lower numbers, so a walk along them ends, whatever the store holds.
    static func decode(_ bytes: ByteBuffer, name: CommitName) throws(FormatError) -> Commit {
        struct Format: Decodable { let format: Int }
        let data = Data(bytes.readableBytesView)
        let commit: Commit
        do {
            let format = try JSONDecoder().decode(Format.self, from: data).format
            guard format == Int(formatVersion) else {
                throw FormatError("it has format \(format), known is \(formatVersion)", isTooNew: format > 1)
            }
            commit = try JSONDecoder().decode(Commit.self, from: data)
        } catch let error as FormatError {
            throw error
        } catch {
            throw FormatError("it is not the JSON of a commit")
        }
        guard commit.seq == name.sequence else { throw FormatError("its number is not that of its key") }
        guard name.nonce == nil || name.nonce == commit.nonce else {
            throw FormatError("its nonce is not that of its key")
        }
        for older in commit.parents.map(\.name) + commit.ancestors {
            guard let older = CommitName(older), older.sequence < commit.seq else {
                throw FormatError("it names '\(older)' as an older commit")
            }
        }
        guard commit.parents.allSatisfy({ Digest(hex: $0.sha256) != nil }) else {
            throw FormatError("the hash of a parent is not a SHA-256")
        }
        guard commit.files >= 0, commit.bytes >= 0, commit.newBytes >= 0, commit.manifest.isPlausible else {
            throw FormatError("the place of its manifest makes no sense")
        }
        return commit
    }
}

extension Commit.ManifestPlace {
    /// The most bytes of pages that are read with a root at once.
    private static let longestPages = 256 << 20

    fileprivate var isPlausible: Bool {
        let sizes = 1...Pack.maxLength
        return Digest(hex: pack) != nil && Digest(hex: sha256) != nil && sizes.contains(packSize)
            && (1...FrameLocation.maxStoredLength).contains(storedLength)
            && (1...FrameLocation.maxLength).contains(length)
            && sizes.contains(pages) && sizes.contains(offset) && pages <= offset && offset <= packSize - storedLength
            && offset - pages <= Self.longestPages
    }

    /// The root as a blob. Both digests were checked when the commit was read.
    var root: BlobReference? {
        guard let pack = Digest(hex: pack), let digest = Digest(hex: sha256) else { return nil }
        return BlobReference(
            digest: digest,
            frame: FrameLocation(pack: pack, offset: offset, storedLength: storedLength, length: length), offset: 0,
            length: length)
    }
}

/// A snapshot: a commit as it is stored.
public struct Snapshot: Sendable, Equatable {
    public let name: CommitName
    /// The SHA-256 of the commit's bytes: what people and scripts call the snapshot.
    public let id: Digest
    /// The store's tag of the object, if it sent one.
    public internal(set) var etag: ETag?
    public let commit: Commit
    /// The commit's bytes.
    public let bytes: ByteBuffer

    /// Reads a snapshot that was kept on this machine.
    /// - Returns: `nil` unless the bytes are a commit of this name.
    public static func kept(name: String, bytes: ByteBuffer, etag: ETag?) -> Snapshot? {
        CommitName(name).flatMap { try? Snapshot(name: $0, bytes: bytes, etag: etag) }
    }

    init(name: CommitName, bytes: ByteBuffer, etag: ETag?) throws(FormatError) {
        self.name = name
        self.etag = etag
        self.bytes = bytes
        id = Digest(of: bytes)
        commit = try Commit.decode(bytes, name: name)
    }

    /// The first twelve digits of the ``id``: enough for a person to name it.
    public var shortID: String { String(id.hexadecimal.prefix(12)) }

    var asParent: Commit.Parent { Commit.Parent(name: name.description, sha256: id.hexadecimal) }
}
