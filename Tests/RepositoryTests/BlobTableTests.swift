import FileIO
import NIOCore
import Testing

@testable import Repository

@Suite("The table of blobs")
struct BlobTableTests {
    private static func digest(_ text: String) -> Digest { Digest(of: ByteBuffer(string: text)) }

    private static func frame(_ number: Int) -> FrameLocation {
        FrameLocation(pack: digest("pack \(number / 3)"), offset: number * 5000, storedLength: 5000, length: 16 << 20)
    }

    @Test("It gives back what was put in, whatever the order of the frames", arguments: [1, 2, 7])
    func roundTrip(inEachFrame: Int) {
        var table = BlobTable()
        let blobs = (0..<500).map { number in
            BlobReference(
                digest: Self.digest("\(number)"), frame: Self.frame(number / inEachFrame % 40),
                offset: number * 33_000, length: number + 1)
        }
        for blob in blobs { table.insert(blob) }
        for blob in blobs { #expect(table[blob.digest] == blob) }
        #expect(table[Self.digest("another")] == nil)
    }

    @Test("A blob that is put in again lies where it was put last")
    func again() {
        var table = BlobTable()
        let first = BlobReference(digest: Self.digest("a"), frame: Self.frame(0), offset: 0, length: 10)
        let second = BlobReference(digest: first.digest, frame: Self.frame(1), offset: 7, length: 10)
        table.insert(first)
        table.insert(second)
        #expect(table[first.digest] == second)
    }

    @Test("Only the first who asks for a blob that is nowhere has to write it")
    func claims() {
        var table = BlobTable()
        let blob = BlobReference(
            digest: Self.digest("a"), frame: Self.frame(0), offset: (16 << 20) - 1, length: 1)
        let answers = [table.claim(blob.digest), table.claim(blob.digest)]
        #expect(answers == [true, false])
        #expect(table[blob.digest] == nil)
        table.insert(blob)
        #expect(table[blob.digest] == blob)
        let later = [table.claim(blob.digest), table.claim(Self.digest("b"))]
        #expect(later == [false, true])
    }
}
