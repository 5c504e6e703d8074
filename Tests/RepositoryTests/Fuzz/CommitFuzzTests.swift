import Foundation
import NIOCore
import ObjectStore
import TestSupport
import Testing

@testable import Repository

@Suite("Commits under mutation")
struct CommitFuzzTests {
    private static let nonce = String(repeating: "ab", count: 16)
    private static let name = CommitName(sequence: 7, nonce: nonce)

    private static let sample = Commit(
        format: 1, seq: 7, nonce: nonce,
        parents: [Commit.Parent(name: CommitName(sequence: 6).description, sha256: String(repeating: "1", count: 64))],
        ancestors: (1..<7).reversed().map { CommitName(sequence: $0).description }, repository: "owner/repo",
        agent: "local", writer: "host", time: "2026-01-01T00:00:00.000Z",
        run: Commit.Run(id: "1", attempt: "2", workflow: "w", ref: "r"), files: 3, bytes: 100, newBytes: 50,
        manifest: Commit.ManifestPlace(
            pack: String(repeating: "2", count: 64), packSize: 1000, pages: 100, offset: 500, storedLength: 300,
            length: 900, sha256: String(repeating: "3", count: 64)),
        store: Commit.StoreTrait(createOnly: true, location: String(repeating: "4", count: 64)), note: "note")

    private static let values = [
        "0", "-0", "1", "-1", "1.5", "1e400", "1e18", "9223372036854775807", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "10000000000000000000", "1073741824", "null", "true", "[]",
        "{}",
        "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"../../x\"", "\"00000000000000000000\"", "\"99999999999999999999\"",
        "\"\(String(repeating: "f", count: 64))\"", "[[[[[[[[1]]]]]]]]",
    ]

    /// Puts another value behind one of the colons.
    private func changeValue(_ text: inout [UInt8], _ random: inout SeededGenerator) {
        let colons = text.indices.filter { text[$0] == UInt8(ascii: ":") }
        guard let colon = colons.randomElement(using: &random) else { return }
        let end = text[(colon + 1)...].firstIndex { ",]}".utf8.contains($0) } ?? text.endIndex
        text.replaceSubrange((colon + 1)..<end, with: (Self.values.randomElement(using: &random) ?? "").utf8)
    }

    @Test("20,000 mutated commits are read or refused")
    func mutations() throws {
        var random = SeededGenerator.forTest()
        let sample = Array(try Self.sample.encode().readableBytesView)
        var (read, refused) = (0, 0)
        for round in 0..<20_000 {
            var bytes = sample
            for _ in 0..<Int.random(in: 0...2, using: &random) { changeValue(&bytes, &random) }
            for _ in 0..<Int.random(in: 0...2, using: &random) { mutate(&bytes, &random) }
            do {
                let commit = try Commit.decode(ByteBuffer(bytes: bytes), name: Self.name)
                read += 1
                let older = commit.parents.map(\.name) + commit.ancestors
                let isSound =
                    commit.seq == 7 && commit.nonce == Self.nonce && commit.files >= 0 && commit.bytes >= 0
                    && older.allSatisfy { CommitName($0).map { $0.sequence < 7 } == true }
                    && commit.manifest.root.map { $0.frame.range.upperBound <= commit.manifest.packSize } == true
                let again = Result { try Commit.decode(commit.encode(), name: Self.name) }
                if !isSound || (try? again.get()) != commit {
                    Issue.record("seed \(random.seed), round \(round): \(String(decoding: bytes, as: UTF8.self))")
                    return
                }
            } catch {
                refused += 1
                try #require(error.description.utf8.count < 300, "seed \(random.seed), round \(round): \(error)")
            }
        }
        #expect(read > 1000 && refused > 1000, "\(read) read, \(refused) refused")
    }

    @Test("JSON that is deep beyond measure is refused", arguments: ["[", "{\"a\":", "[{\"format\":"])
    func deep(_ part: String) {
        let bytes = ByteBuffer(string: String(repeating: part, count: Commit.maxLength / part.utf8.count))
        #expect(throws: FormatError.self) { try Commit.decode(bytes, name: Self.name) }
    }

    @Test("Names of commits are read or refused, and what is read is written in the same way")
    func names() {
        var random = SeededGenerator.forTest()
        for round in 0..<20_000 {
            var bytes = Array((round % 2 == 0 ? Self.name : CommitName(sequence: 3)).description.utf8)
            for _ in 0..<Int.random(in: 0...2, using: &random) { mutate(&bytes, &random) }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let name = CommitName(text) else { continue }
            if name.description != text { Issue.record("seed \(random.seed): '\(text)' is read as '\(name)'") }
        }
        for text in ["09999999999999999999", "09999999999999999000", "09000000000000000000"] {
            #expect(CommitName(text)?.description == text)
        }
        for text in [
            "00000000000000000000", "08999999999999999999", "10000000000000000000", "99999999999999999999",
            "+0000000000000000001", "", "-", "0",
        ] {
            #expect(CommitName(text) == nil, "\(text)")
        }
    }
}
