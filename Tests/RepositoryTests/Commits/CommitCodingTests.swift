import FileIO
import Foundation
import NIOCore
import ObjectStore
import Testing

@testable import Repository

@Suite("Commits as JSON")
struct CommitCodingTests {
    private static let name = CommitName(sequence: 7)

    /// A commit as another program writes it, as a tree that can be changed.
    private static func document() -> [String: Any] {
        let hash = String(repeating: "1", count: 64)
        return [
            "format": 2, "seq": 7, "nonce": String(repeating: "a", count: 32),
            "memory": String(repeating: "b", count: 32), "agent": "local", "repository": "owner/repo",
            "parents": [["name": CommitName(sequence: 6).description, "sha256": hash]],
            "ancestors": ["\(CommitName(sequence: 6)):\(hash.prefix(32))"], "pack": ["sha256": hash, "size": 1000],
            "packs": ["offset": 400, "storedLength": 100, "length": 900, "sha256": hash],
            "store": ["createOnly": true, "location": hash],
            "body": [
                "writer": "host", "time": "2026-01-01T00:00:00.000Z", "files": 3, "bytes": 100, "newBytes": 50,
                "manifest": ["pages": 100, "offset": 500, "storedLength": 300, "length": 900, "sha256": hash],
            ],
        ]
    }

    private static func decode(_ document: [String: Any]) throws -> Commit {
        try Commit.decode(ByteBuffer(bytes: JSONSerialization.data(withJSONObject: document)), name: name)
    }

    /// Changes a field that is named by the fields that lead to it.
    private static func set(_ path: some Collection<String>, to value: Any?, in document: inout [String: Any]) {
        guard let first = path.first else { return }
        if path.count == 1 {
            document[first] = value
        } else {
            var inner = document[first] as? [String: Any] ?? [:]
            set(path.dropFirst(), to: value, in: &inner)
            document[first] = inner
        }
    }

    @Test(
        "A commit with only what is required is read, and written again it is the same bytes, sorted and without null")
    func required() throws {
        let commit = try Self.decode(Self.document())
        #expect(commit.parents.map(\.name) == [CommitName(sequence: 6)])
        #expect(commit.manifest.packList?.frame.offset == 400)
        let written = try commit.encode()
        #expect(try Commit.decode(written, name: Self.name) == commit)
        let sorted = try JSONSerialization.data(
            withJSONObject: Self.document(), options: [.sortedKeys, .withoutEscapingSlashes])
        #expect(String(buffer: written) == String(decoding: sorted, as: UTF8.self))
    }

    static let requiredFields = [
        "format", "seq", "nonce", "memory", "agent", "repository", "parents", "ancestors", "pack", "pack.sha256",
        "pack.size", "packs", "packs.offset", "packs.storedLength", "packs.length", "packs.sha256", "store",
        "store.createOnly", "store.location", "body", "body.writer", "body.time", "body.files", "body.bytes",
        "body.newBytes", "body.manifest", "body.manifest.pages", "body.manifest.offset", "body.manifest.storedLength",
        "body.manifest.length", "body.manifest.sha256",
    ]

    @Test("A required field that is missing is damage that names it", arguments: requiredFields)
    func missing(_ field: String) throws {
        var document = Self.document()
        Self.set(field.components(separatedBy: "."), to: nil, in: &document)
        let error = #expect(throws: FormatError.self) { try Self.decode(document) }
        #expect(error == FormatError("it has no '\(field)'"))
    }

    @Test("A required field that is null or of another kind is damage that names it", arguments: requiredFields)
    func wrong(_ field: String) throws {
        for value in [NSNull(), [1.5]] as [Any] {
            var document = Self.document()
            Self.set(field.components(separatedBy: "."), to: value, in: &document)
            let error = #expect(throws: FormatError.self) { try Self.decode(document) }
            #expect(error?.isTooNew == false)
            #expect(error?.description.contains("'\(field)") == true, "\(String(describing: error))")
        }
    }

    @Test(
        "An optional field that is not known is ignored at every level",
        arguments: ["later", "pack.later", "packs.later", "store.later", "body.later", "body.manifest.later"])
    func unknownOptional(_ field: String) throws {
        for value in [1, "text", ["a": 1], [1, 2], NSNull()] as [Any] {
            var document = Self.document()
            Self.set(field.components(separatedBy: "."), to: value, in: &document)
            #expect(try Self.decode(document) == Self.decode(Self.document()))
        }
    }

    @Test("Unknown fields of parts that are optional themselves are ignored")
    func unknownInOptional() throws {
        var document = Self.document()
        let older = CommitName(sequence: 5).description
        document["sides"] = [["name": older, "sha256": String(repeating: "2", count: 64), "later": 1]]
        document["passedOver"] = [["name": older, "reason": "later", "later": 1]]
        Self.set(
            ["body", "scope"], to: ["profile": "p", "later": 1, "projects": ["only": ["x"], "later": 1]], in: &document)
        Self.set(["body", "run"], to: ["later": 1, "restore": ["status": "restored", "later": 1]], in: &document)
        let commit = try Self.decode(document)
        #expect(commit.sides.count == 1)
        #expect(commit.passedOver.map(\.reason.rawValue) == ["later"])
        #expect(commit.scope == CaptureScope(profile: "p", projects: .only(["x"])))
        #expect(commit.run == Commit.Run(id: nil, restore: Commit.Run.Restore(status: "restored", reason: nil)))
    }

    @Test(
        "A critical field that is known is read, and one that is not asks for an update",
        arguments: [
            (["seq", "scope", "body"], nil), (["scope", "sealed"], "sealed"),
            ([String(repeating: "x", count: 5000)], "xxx"),
        ] as [([String], String?)])
    func critical(_ fields: [String], _ unknown: String?) throws {
        var document = Self.document()
        document["critical"] = fields
        guard let unknown else {
            #expect(try Self.decode(document) == Self.decode(Self.document()))
            return
        }
        // What a critical field replaces may be missing.
        document["body"] = nil
        let error = #expect(throws: FormatError.self) { try Self.decode(document) }
        #expect(error?.isTooNew == true)
        #expect(error?.description.contains("'\(unknown)") == true)
        #expect((error?.description.utf8.count ?? 0) < 200)
        let shown = error?.about(ObjectKey("commits/1"))
        #expect(shown?.kind == .formatTooNew)
        #expect(shown?.hint == "Update Holdfast on this machine.")
    }

    @Test(
        "A later format asks for an update, whatever else it says; an impossible one is damage",
        arguments: [3, 1000, 0, -1])
    func format(_ format: Int) {
        let error = #expect(throws: FormatError.self) { try Self.decode(["format": format]) }
        #expect(error?.isTooNew == (format > 2))
    }

    /// Something that a commit of format 2 must not say.
    struct Lie: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let field: String
        let value: @Sendable () -> Any
        let reason: String

        static let all = [
            Lie(testDescription: "a nonce of other digits", field: "nonce", value: { "A" }, reason: "'nonce'"),
            Lie(
                testDescription: "a memory id that is too short", field: "memory", value: { "abc" }, reason: "'memory'"),
            Lie(
                testDescription: "an ancestor without a hash", field: "ancestors",
                value: { [CommitName(sequence: 3).description] }, reason: "'ancestors.0'"),
            Lie(
                testDescription: "an ancestor with a long hash", field: "ancestors",
                value: { ["\(CommitName(sequence: 3)):\(String(repeating: "1", count: 64))"] }, reason: "'ancestors.0'"),
            Lie(
                testDescription: "an ancestor of its own number", field: "ancestors",
                value: { ["\(name):\(String(repeating: "1", count: 32))"] }, reason: "older commit"),
            Lie(
                testDescription: "a side of a higher number", field: "sides",
                value: {
                    [["name": CommitName(sequence: 8).description, "sha256": String(repeating: "1", count: 64)]]
                },
                reason: "older commit"),
            Lie(
                testDescription: "a parent that is no commit", field: "parents",
                value: { [["name": "readme", "sha256": String(repeating: "1", count: 64)]] },
                reason: "'parents.0.name'"),
            Lie(
                testDescription: "a pack list behind the root", field: "packs.offset", value: { 850 },
                reason: "no sense"),
            Lie(
                testDescription: "a pack list before the pages", field: "packs.offset", value: { 50 },
                reason: "no sense"),
            Lie(testDescription: "a root behind the pack", field: "pack.size", value: { 700 }, reason: "no sense"),
            Lie(testDescription: "a negative count", field: "body.files", value: { -1 }, reason: "no sense"),
            Lie(
                testDescription: "a pattern that names nothing", field: "body.scope",
                value: { ["profile": "p", "never": ["/"]] }, reason: "'body.scope"),
            Lie(
                testDescription: "projects that are neither", field: "body.scope",
                value: { ["profile": "p", "projects": ["all": true]] as [String: Any] }, reason: "body.scope.projects"),
            Lie(
                testDescription: "a tombstone that is no hash", field: "body.tombstones", value: { ["x"] },
                reason: "'body.tombstones.0'"),
        ]
    }

    @Test("What makes no sense is damage", arguments: Lie.all)
    func lies(_ lie: Lie) {
        var document = Self.document()
        Self.set(lie.field.components(separatedBy: "."), to: lie.value(), in: &document)
        let error = #expect(throws: FormatError.self) { try Self.decode(document) }
        #expect(error?.isTooNew == false)
        #expect(error?.description.contains(lie.reason) == true, "\(String(describing: error))")
    }

    @Test("A commit of format 1 is read: without memory id, its ancestors without hashes")
    func format1() throws {
        let newer = try Self.decode(Self.document())
        let commit = try Commit.decode(newer.format1(), name: Self.name)
        #expect(commit.format == 1)
        #expect(commit.memory == nil)
        #expect(commit.ancestors == [Commit.Ancestor(name: CommitName(sequence: 6), hash: nil)])
        #expect(commit.parents == newer.parents)
        #expect(commit.manifest.root == newer.manifest.root)
        #expect(commit.manifest.packList == nil)
        #expect(throws: FormatError.self) { try commit.encode() }
    }

    @Test("A commit that no reader would take is not written")
    func tooLong() throws {
        var commit = try Self.decode(Self.document())
        commit.note = String(repeating: "x", count: Commit.maxLength)
        #expect(throws: FormatError.self) { try commit.encode() }
    }
}
