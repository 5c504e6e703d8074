import FileIO
import FoundationEssentials
import NIOCore

extension Commit {
    /// The commit as JSON of format 2.
    /// - Throws: ``FormatError`` if no reader would take it, because it is too long.
    func encode() throws(FormatError) -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data: Data
        do { data = try encoder.encode(Format2(self)) } catch { throw FormatError("it cannot be written: \(error)") }
        guard data.count <= Self.maxLength else { throw FormatError("it would be longer than a commit may be") }
        return ByteBuffer(bytes: data)
    }

    /// Reads a commit of any known format and checks it against its name.
    ///
    /// All commits that it refers to have lower numbers, so a walk along them ends, whatever the store holds.
    static func decode(_ bytes: ByteBuffer, name: CommitName) throws(FormatError) -> Commit {
        struct Version: Decodable { let format: Int }
        struct Criticals: Decodable { let critical: [String]? }
        let data = Data(bytes.readableBytesView)
        let format = try parse(Version.self, data).format
        let commit: Commit
        switch format {
        case 1: commit = try parse(Format1.self, data).commit
        case currentFormat:
            let unknown = try parse(Criticals.self, data).critical?.first { !Format2.knownFields.contains($0) }
            if let unknown {
                throw FormatError(
                    "it has the field '\(printable(unknown.utf8.prefix(64)))', which has to be known", isTooNew: true)
            }
            commit = try parse(Format2.self, data).commit()
        default:
            throw FormatError("it has format \(format), known is \(currentFormat)", isTooNew: format > currentFormat)
        }
        try commit.check(against: name)
        return commit
    }

    private static func parse<Document: Decodable>(
        _ type: Document.Type, _ data: Data
    ) throws(FormatError) -> Document {
        do { return try JSONDecoder().decode(type, from: data) } catch { throw FormatError(problem(error)) }
    }

    /// Names the field that is missing or wrong.
    private static func problem(_ error: any Error) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            printable(keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".").utf8)
        }
        let context: DecodingError.Context
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?: return "it has no '\(path(context.codingPath + [key]))'"
        case .typeMismatch(_, let found)?, .valueNotFound(_, let found)?, .dataCorrupted(let found)?: context = found
        default: return "it is not the JSON of a commit"
        }
        let field = path(context.codingPath)
        return field.isEmpty ? "it is not the JSON of a commit" : "its '\(field)' is not what it should be"
    }

    private func check(against name: CommitName) throws(FormatError) {
        guard seq == name.sequence else { throw FormatError("its number is not that of its key") }
        guard name.nonce == nil || name.nonce == nonce else {
            throw FormatError("its nonce is not that of its key")
        }
        for older in parents.map(\.name) + sides.map(\.name) + ancestors.map(\.name) where older.sequence >= seq {
            throw FormatError("it names '\(older)' as an older commit")
        }
        guard files >= 0, bytes >= 0, newBytes >= 0, manifest.isPlausible else {
            throw FormatError("the place of its manifest makes no sense")
        }
    }
}

extension Commit.ManifestPlace {
    /// The most bytes of pages that are read with a root at once.
    private static let longestPages = 256 << 20

    fileprivate var isPlausible: Bool {
        let sizes = 1...Pack.maxLength
        let documents = [packList, root].compactMap(\.self)
        guard sizes.contains(packSize), sizes.contains(pages), root.frame.offset - pages <= Self.longestPages,
            documents.allSatisfy({ $0.isPlausible && $0.frame.offset <= packSize - $0.frame.storedLength })
        else { return false }
        // One ranged read fetches all: pages, list and root follow each other.
        var end = pages
        for document in documents {
            guard end <= document.frame.offset else { return false }
            end = document.frame.range.upperBound
        }
        return true
    }
}

extension BlobReference {
    /// Whether the blob fills a frame that may exist.
    fileprivate var isPlausible: Bool {
        (1...Pack.maxLength).contains(frame.offset)
            && (1...FrameLocation.maxStoredLength).contains(frame.storedLength)
            && (1...FrameLocation.maxLength).contains(length)
    }
}

/// A commit as JSON of format 2: what stays clear at the top, and what may be sealed in `body`.
private struct Format2: Codable {
    struct PackPlace: Codable {
        let sha256: Digest
        let size: Int
    }

    /// A blob that is alone in its frame.
    struct Place: Codable {
        let offset: Int
        let storedLength: Int
        let length: Int
        let sha256: Digest
    }

    struct RootPlace: Codable {
        let pages: Int
        let offset: Int
        let storedLength: Int
        let length: Int
        let sha256: Digest
    }

    struct Body: Codable {
        enum CodingKeys: String, CodingKey, CaseIterable {
            case writer, time, files, bytes, newBytes, manifest, scope, run, tombstones, note
        }

        let writer: String
        let time: String
        let files: Int
        let bytes: Int64
        let newBytes: Int64
        let manifest: RootPlace
        var scope: CaptureScope?
        var run: Commit.Run?
        var tombstones: [Tombstone]?
        var note: String?
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case format, critical, seq, nonce, memory, agent, repository, parents, sides, side, ancestors, passedOver
        case pack, packs, store, body
    }

    static let knownFields = Set(CodingKeys.allCases.map(\.rawValue) + Body.CodingKeys.allCases.map(\.rawValue))

    let format: Int
    var critical: [String]?
    let seq: UInt64
    let nonce: String
    let memory: String
    let agent: String
    let repository: String
    let parents: [Commit.Reference]
    var sides: [Commit.Reference]?
    var side: Bool?
    let ancestors: [Commit.Ancestor]
    var passedOver: [Commit.PassedOver]?
    let pack: PackPlace
    let packs: Place
    let store: Commit.StoreTrait
    let body: Body

    init(_ commit: Commit) throws(FormatError) {
        let place = commit.manifest
        guard let memory = commit.memory, let list = place.packList else {
            throw FormatError("a commit of format \(commit.format) is never written")
        }
        format = Commit.currentFormat
        (seq, nonce, self.memory) = (commit.seq, commit.nonce, memory)
        (agent, repository) = (commit.agent, commit.repository)
        (parents, ancestors) = (commit.parents, commit.ancestors)
        sides = commit.sides.isEmpty ? nil : commit.sides
        side = commit.isSide ? true : nil
        passedOver = commit.passedOver.isEmpty ? nil : commit.passedOver
        pack = PackPlace(sha256: place.pack, size: place.packSize)
        packs = Place(
            offset: list.frame.offset, storedLength: list.frame.storedLength, length: list.length, sha256: list.digest)
        store = commit.store
        body = Body(
            writer: commit.writer, time: commit.time, files: commit.files, bytes: commit.bytes,
            newBytes: commit.newBytes,
            manifest: RootPlace(
                pages: place.pages, offset: place.root.frame.offset, storedLength: place.root.frame.storedLength,
                length: place.root.length, sha256: place.root.digest),
            scope: commit.scope, run: commit.run, tombstones: commit.tombstones.isEmpty ? nil : commit.tombstones,
            note: commit.note)
    }

    func commit() throws(FormatError) -> Commit {
        for (name, text) in [("nonce", nonce), ("memory", memory)] where !isHex(text, digits: 32) {
            throw FormatError("its '\(name)' is not 32 hex digits")
        }
        let root = body.manifest
        let place = Commit.ManifestPlace(
            pack: pack.sha256, packSize: pack.size, pages: root.pages,
            root: BlobReference(
                root.sha256, alone: pack.sha256, offset: root.offset, storedLength: root.storedLength,
                length: root.length),
            packList: BlobReference(
                packs.sha256, alone: pack.sha256, offset: packs.offset, storedLength: packs.storedLength,
                length: packs.length))
        return Commit(
            format: format, seq: seq, nonce: nonce, memory: memory, agent: agent, repository: repository,
            parents: parents, sides: sides ?? [], isSide: side ?? false, ancestors: ancestors,
            passedOver: passedOver ?? [], manifest: place, store: store, writer: body.writer, time: body.time,
            files: body.files, bytes: body.bytes, newBytes: body.newBytes, scope: body.scope, run: body.run,
            tombstones: body.tombstones ?? [], note: body.note)
    }
}

extension BlobReference {
    /// A blob that is alone in a frame.
    init(_ digest: Digest, alone pack: Digest, offset: Int, storedLength: Int, length: Int) {
        self.init(
            digest: digest,
            frame: FrameLocation(pack: pack, offset: offset, storedLength: storedLength, length: length), offset: 0,
            length: length)
    }
}

/// `NAME:HASH`.
extension Commit.Ancestor: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2, let name = CommitName(String(decoding: parts[0], as: UTF8.self)),
            isHex(parts[1], digits: Self.hashLength)
        else { throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a name and a hash") }
        self.init(name: name, hash: String(decoding: parts[1], as: UTF8.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hash.map { "\(name):\($0)" } ?? "\(name)")
    }
}

/// The part of a commit's key behind `commits/`.
extension CommitName: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let name = CommitName(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not the name of a commit")
        }
        self = name
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

func isHex(_ text: String, digits: Int) -> Bool { isHex(text.utf8, digits: digits) }

/// Whether bytes are so many lower-case hex digits.
func isHex(_ text: some Collection<UInt8>, digits: Int) -> Bool {
    text.count == digits && text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
}
