import Basics
import FileIO
import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ObjectStore
import Testing

@testable import Repository

/// Reads the example of `docs/format.md` as a second implementation would have written it.
@Suite("The documented format") struct FormatDocumentTests {
    private static let document = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/format.md")

    static let files = [
        "empty": "", "session/a.json": #"{"title":"first"}"#, "session/b.json": String(repeating: "b", count: 3000),
    ]

    /// The objects of the example of a format: a line with a key in backquotes, then a code block with text or hex digits.
    private static func objects(_ format: Int) throws -> [(key: String, bytes: ByteBuffer)] {
        let text = try String(contentsOf: document, encoding: .utf8)
        let examples = try #require(text.components(separatedBy: "## Example").last)
        let example = try #require(
            examples.components(separatedBy: "### In format ").first { $0.hasPrefix("\(format)") })
        return try example.components(separatedBy: "\n`memory/").dropFirst().map { part in
            let key = "memory/" + part.prefix { $0 != "`" }
            let lines = part.split(separator: "\n").drop { !$0.hasPrefix("    ") }.prefix { $0.hasPrefix("    ") }
            let content = lines.map { $0.dropFirst(4) }
            guard key.contains("/packs/") else { return (key, ByteBuffer(string: content.joined(separator: "\n"))) }
            let digits = content.joined().filter { $0 != " " }
            let bytes = try stride(from: 0, to: digits.count, by: 2).map { offset in
                let start = digits.index(digits.startIndex, offsetBy: offset)
                return try #require(UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16))
            }
            return (key, ByteBuffer(bytes: bytes))
        }
    }

    @Test("The examples of the document are memories with the files that it says", arguments: [1, 2])
    func example(_ format: Int) async throws {
        let objects = try Self.objects(format)
        #expect(objects.count == 2)
        let store = MemoryObjectStore()
        for (key, bytes) in objects { try await store.put(ObjectKey(key), .bytes(bytes), .createOnly) }
        var reader = Machine(store)
        try await reader.restore()
        #expect(reader.files == Self.files)
        let history = try await reader.repository.history()
        #expect(history.snapshots.map(\.commit.format) == [format])
        #expect(history.damaged.isEmpty)
        #expect(try await reader.repository.verify(readData: true).damages == [])
        // Both can be continued.
        reader.write("new", "new")
        let saved = try await reader.save().snapshot.commit
        #expect(saved.format == 2)
        #expect(saved.parents == history.snapshots.map(\.reference))
    }

    @Test("The tombstone of the document is the one that is computed")
    func tombstone() throws {
        let text = try String(contentsOf: Self.document, encoding: .utf8)
        let sentence = try #require(text.components(separatedBy: "The tombstone of the session ").last)
        let quoted = sentence.components(separatedBy: "`")
        let tombstone = try #require(Tombstone(session: quoted[1].utf8, memory: quoted[3]))
        #expect(tombstone.mark.hexadecimal == quoted[5])
    }

    @Test("What is written today is what the document shows")
    func written() async throws {
        let store = MemoryObjectStore()
        let counter = NIOLockedValueBox<UInt64>(0)
        let environment = RepositoryEnvironment(
            random: {
                counter.withLockedValue {
                    $0 += 1; return $0 &* 0x9E37_79B9_7F4A_7C15
                }
            }, sleep: { _ in },
            now: { 1_764_000_000_000 }, uptime: { .zero })
        var writer = Machine(store, environment: environment)
        writer.name = "example"
        for path in Self.files.keys.sorted() { writer.write(path, Self.files[path] ?? "") }
        try await writer.save()
        var shown: [String] = []
        var written: ByteBuffer?
        for object in try await store.list(prefix: "").collect() {
            let bytes = try await store.get(object.key).collect(upTo: 1 << 20)
            shown.append(Self.show(object.key.text, bytes))
            if object.key.text.contains("/commits/") { written = bytes }
        }
        let documented = try Self.objects(2).first { $0.key.contains("/commits/") }?.bytes
        // Another version of zstd may make other frames, and with them another pack.
        #expect(
            try documented.map(Self.fields) == written.map(Self.fields),
            "the example should be:\n\(shown.joined(separator: "\n"))")
    }

    /// The fields of a commit that do not depend on how well its files were compressed.
    private static func fields(_ commit: ByteBuffer) throws -> NSDictionary {
        let object = try JSONSerialization.jsonObject(with: Data(commit.readableBytesView))
        var fields = try #require(object as? [String: Any])
        var body = try #require(fields["body"] as? [String: Any])
        body["newBytes"] = nil
        body["manifest"] = try #require(body["manifest"] as? [String: Any]).keys.sorted()
        fields["body"] = body
        for place in ["pack", "packs"] { fields[place] = try #require(fields[place] as? [String: Any]).keys.sorted() }
        return fields as NSDictionary
    }

    private static func show(_ key: String, _ bytes: ByteBuffer) -> String {
        guard key.contains("/packs/") else { return "`\(key)`\n\n    \(String(buffer: bytes))\n" }
        let digits = Array(Hexadecimal.text(bytes.readableBytesView))
        let lines = stride(from: 0, to: digits.count, by: 96).map {
            "    " + String(digits[$0..<min($0 + 96, digits.count)])
        }
        return "`\(key)`\n\n" + lines.joined(separator: "\n") + "\n"
    }
}
