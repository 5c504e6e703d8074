import Foundation
import TestSupport
import Testing

@Suite("Test helpers")
struct HelperTests {
    struct Stop: Error {}

    @Test("A temporary directory is there for the body, and gone afterwards, also when the body throws")
    func temporaryDirectory() async throws {
        let kept = try await withTemporaryDirectory { folder in
            try Data("x".utf8).write(to: folder.appendingPathComponent("file"))
            return folder
        }
        #expect(!FileManager.default.fileExists(atPath: kept.path))

        var seen: URL?
        await #expect(throws: Stop.self) {
            try await withTemporaryDirectory { folder in
                seen = folder
                #expect(FileManager.default.fileExists(atPath: folder.path))
                throw Stop()
            }
        }
        #expect(try !FileManager.default.fileExists(atPath: #require(seen).path))
    }

    @Test("The seeded generator gives SplitMix64's sequence")
    func sequence() {
        var generator = SeededGenerator(seed: 1_234_567)
        let words = (0..<5).map { _ in generator.next() }
        #expect(
            words == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test("The seeded generator fills any number of bytes", arguments: [0, 1, 7, 8, 9, 1000])
    func bytes(count: Int) {
        var (one, other) = (SeededGenerator(seed: 7), SeededGenerator(seed: 7))
        let bytes = one.bytes(count)
        #expect(bytes.count == count)
        #expect(bytes == other.bytes(count))
    }
}
