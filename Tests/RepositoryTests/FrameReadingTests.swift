import FileIO
import NIOCore
import ObjectStore
import Testing

@testable import Repository

/// Frames that overlap: no writer makes them, a damaged or forged manifest may name them.
@Suite("Frames of a pack") struct FrameReadingTests {
    private func frame(_ offset: Int, _ length: Int) -> FrameLocation {
        FrameLocation(pack: Digest(of: ByteBuffer(string: "pack")), offset: offset, storedLength: length, length: 1)
    }

    /// A hundred bytes that begin as a pack does.
    private static let pack = Array(Pack.versionHeader.readableBytesView) + (5..<100)

    @Test("that overlap are read apart")
    func plan() {
        let reads = PackRead.plan([frame(21, 100), frame(50, 10), frame(121, 5)])
        #expect(reads.map { $0.frames.map(\.offset) } == [[21], [50, 121]])
    }

    @Test("of one read are cut out of the bytes however these arrive", arguments: [1, 2, 3, 7, 29, 100])
    func readCutter(pieceLength: Int) throws {
        let bytes = Self.pack
        let read = PackRead(
            pack: frame(0, 1).pack, frames: [frame(3, 4), frame(7, 1), frame(20, 30), frame(50, 2), frame(90, 9)])
        var cutter = FrameCutter(read, key: ObjectKey("pack"))
        var found: [[UInt8]] = []
        for start in stride(from: read.range.lowerBound, to: 100, by: pieceLength) {
            let piece = ByteBuffer(bytes: bytes[start..<min(start + pieceLength, 100)])
            found += try cutter.take(piece).map { Array($0.bytes.readableBytesView) }
            #expect(cutter.isComplete == (found.count == read.frames.count))
        }
        #expect(found == read.frames.map { Array(bytes[$0.range]) })
    }

    @Test("of one read that overlap after all are damage", arguments: [1, 5, 100])
    func overlap(pieceLength: Int) {
        var cutter = FrameCutter(
            PackRead(pack: frame(0, 1).pack, frames: [frame(0, 10), frame(9, 5)]), key: ObjectKey("pack"))
        #expect(throws: RepositoryError.self) {
            for start in stride(from: 0, to: 100, by: pieceLength) {
                let piece = Self.pack[start..<min(start + pieceLength, 100)]
                do { _ = try cutter.take(ByteBuffer(bytes: piece)) } catch {
                    #expect("\(error)".contains("overlap"))
                    throw error
                }
            }
        }
    }

    @Test("are cut out of the bytes however these arrive, and those that overlap are left", arguments: [1, 3, 7, 100])
    func cutter(pieceLength: Int) {
        let bytes = Array(UInt8(0)..<100)
        let wanted = [frame(0, 4), frame(10, 20), frame(15, 3), frame(30, 5), frame(99, 1), frame(98, 10)]
        var cutter = PackCutter(Dictionary(uniqueKeysWithValues: wanted.map { ($0, []) }))
        var found: [[UInt8]] = []
        for start in stride(from: 0, to: 100, by: pieceLength) {
            cutter.append(ByteBuffer(bytes: bytes[start..<min(start + pieceLength, 100)]))
            while let (_, content) = cutter.next() { found.append(Array(content.readableBytesView)) }
        }
        #expect(found == [[0, 1, 2, 3], Array(10..<30), Array(30..<35)])
        #expect(Set(cutter.rest.map(\.frame.offset)) == [15, 98, 99])
    }
}
