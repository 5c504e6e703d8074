import FileIO
import NIOCore
import TestSupport
import Testing

@testable import Repository

@Suite("Parts of a manifest under mutation")
struct FormatFuzzTests {
    static let inputs = 20_000

    /// Reads mutated documents. What is read must be sound, and written and read again be the same.
    private func fuzz<Value: Equatable>(
        _ random: inout SeededGenerator, sample: (inout SeededGenerator) -> Value, fields: (Value) -> Fields,
        encode: (Value) -> ByteBuffer, decode: (ByteBuffer) throws(FormatError) -> Value, isSound: (Value) -> Bool
    ) throws {
        var read = 0
        var refused = 0
        for round in 0..<Self.inputs {
            let value = sample(&random)
            var document = fields(value)
            if round < 100 {
                // The same bytes by two programs.
                try #require(encode(value) == document.bytes, "seed \(random.seed), round \(round)")
                try #require(try decode(document.bytes) == value, "seed \(random.seed), round \(round)")
            }
            for _ in 0..<Int.random(in: 0...3, using: &random) { document.mutate(&random) }
            var bytes = Array(document.bytes.readableBytesView)
            for _ in 0..<Int.random(in: 0...2, using: &random) { mutate(&bytes, &random) }
            do throws(FormatError) {
                let found = try decode(ByteBuffer(bytes: bytes))
                read += 1
                let again = try decode(encode(found))
                if !isSound(found) || again != found {
                    Issue.record("seed \(random.seed), round \(round): \(bytes)")
                    return
                }
            } catch {
                refused += 1
                if error.description.utf8.count > 200 || error.description.isEmpty {
                    Issue.record("seed \(random.seed), round \(round): \(error)")
                    return
                }
            }
        }
        // Neither hopeless nor harmless mutations.
        #expect(read > Self.inputs / 50 && refused > Self.inputs / 4, "\(read) read, \(refused) refused")
    }

    private func isSound(_ blob: BlobReference) -> Bool {
        let frame = blob.frame
        return blob.length >= 1 && blob.offset >= 0 && blob.offset + blob.length <= frame.length
            && frame.length <= FrameLocation.maxLength && frame.offset >= 0 && frame.offset <= Pack.maxLength
            && frame.storedLength >= 0 && frame.storedLength <= FrameLocation.maxStoredLength
    }

    private func isSound(_ entry: Entry) -> Bool {
        let components = entry.path.components
        let sum = total(entry.references)
        guard entry.path.bytes.count <= ManifestPage.maxPathLength, entry.mode <= 0o777, entry.size >= 0,
            !components.contains(where: { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }),
            !entry.path.bytes.contains(0), entry.path.bytes.first != UInt8(ascii: "/"),
            entry.references.allSatisfy(isSound)
        else { return false }
        return switch entry.content {
        case .empty: entry.size == 0
        case .blob, .chunks: entry.size == sum
        case .chunkLists: true
        }
    }

    @Test("20,000 mutated pages are read or refused")
    func pages() throws {
        var random = SeededGenerator.forTest()
        let samples = Samples(&random)
        try fuzz(
            &random, sample: { samples.entries(&$0) }, fields: Fields.page, encode: ManifestPage.encode,
            decode: ManifestPage.decode
        ) { entries in
            entries.count <= ManifestPage.maxEntries && entries.allSatisfy(isSound)
                && zip(entries, entries.dropFirst()).allSatisfy { $0.path < $1.path }
        }
    }

    @Test("20,000 mutated roots are read or refused")
    func roots() throws {
        var random = SeededGenerator.forTest()
        let samples = Samples(&random)
        try fuzz(
            &random, sample: { samples.root(&$0) }, fields: Fields.root, encode: { $0.encode() },
            decode: ManifestRoot.decode
        ) { root in
            root.files >= 0 && root.bytes >= 0 && root.pages.allSatisfy { isSound($0.blob) && $0.files >= 0 }
                && root.packs?.allSatisfy(isSound) != false
        }
    }

    private func isSound(_ use: PackUse) -> Bool { (0...use.size).contains(use.used) && use.size <= Pack.maxLength }

    @Test("20,000 mutated pack lists are read or refused")
    func packLists() throws {
        var random = SeededGenerator.forTest()
        let samples = Samples(&random)
        try fuzz(
            &random, sample: { samples.packUses(&$0) }, fields: Fields.packList, encode: PackList.encode,
            decode: PackList.decode
        ) { packs in
            packs.allSatisfy(isSound) && zip(packs, packs.dropFirst()).allSatisfy { $0.pack < $1.pack }
        }
    }

    @Test("20,000 mutated chunk lists are read or refused")
    func chunkLists() throws {
        var random = SeededGenerator.forTest()
        let samples = Samples(&random)
        try fuzz(
            &random, sample: { samples.chunks(&$0) }, fields: Fields.chunkList, encode: { ChunkList.encode($0) },
            decode: { (bytes) throws(FormatError) in try ChunkList.decode(bytes, in: Pack.own) }
        ) { $0.allSatisfy(isSound) }
    }

    @Test(
        "Random bytes behind a valid name are refused or read",
        arguments: ["HFPG", "HFRT", "HFPL", "HFCL", "HFPK", "none"])
    func randomBytes(_ name: String) {
        var random = SeededGenerator.forTest()
        for _ in 0..<4000 {
            let head = name == "none" ? [] : Array(name.utf8) + [UInt8.random(in: 1...2, using: &random)]
            let bytes = ByteBuffer(bytes: head + random.bytes(Int.random(in: 0...300, using: &random)))
            _ = try? ManifestPage.decode(bytes)
            _ = try? ManifestRoot.decode(bytes)
            _ = try? PackList.decode(bytes)
            _ = try? ChunkList.decode(bytes, in: Pack.own)
            _ = try? Pack.checkHeader(bytes)
        }
    }

    /// A kind of document, the newest version of it that is known, and how it is read.
    struct Kind: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let known: UInt8
        let read: @Sendable (ByteBuffer) throws -> Void

        static let all = [
            Kind(testDescription: "HFPG", known: 1) { _ = try ManifestPage.decode($0) },
            Kind(testDescription: "HFRT", known: 2) { _ = try ManifestRoot.decode($0) },
            Kind(testDescription: "HFPL", known: 2) { _ = try PackList.decode($0) },
            Kind(testDescription: "HFCL", known: 1) { _ = try ChunkList.decode($0, in: Pack.own) },
            Kind(testDescription: "HFPK", known: 1) { try Pack.checkHeader($0) },
        ]
    }

    @Test("A newer version is told from damage", arguments: Kind.all)
    func newer(_ kind: Kind) {
        for (version, isTooNew) in [(0, false), (kind.known + 1, true), (255, true)] as [(UInt8, Bool)] {
            let bytes = ByteBuffer(bytes: Array(kind.testDescription.utf8) + [version, 0, 0, 0])
            let error = #expect(throws: FormatError.self) { try kind.read(bytes) }
            #expect(error?.isTooNew == isTooNew)
            #expect(error?.description.contains("version \(version), known is \(kind.known)") == true)
        }
    }
}
