import NIOCore
import TestSupport
import Testing

@testable import Repository

@Suite("Frames under mutation")
struct FrameFuzzTests {
    @Test("20,000 mutated frames give as many bytes as they should, or are refused")
    func mutations() throws {
        var random = SeededGenerator.forTest()
        let contents = (0..<40).map { number in
            let text = String(repeating: "{\"id\":\(random.next() % 100)}", count: number * 20 + 1)
            return ByteBuffer(bytes: number % 4 == 0 ? random.bytes(number * 50 + 1) : Array(text.utf8))
        }
        let frames = contents.map { Zstd.compress($0) }
        var (read, refused) = (0, 0)
        for round in 0..<20_000 {
            let number = round % frames.count
            var bytes = Array(frames[number].readableBytesView)
            for _ in 0..<Int.random(in: 0...3, using: &random) { mutate(&bytes, &random) }
            let length = contents[number].readableBytes + [0, 0, 0, 0, 1, -1].randomElement(using: &random)!
            do {
                let content = try Zstd.expand(ByteBuffer(bytes: bytes), length: length)
                read += 1
                try #require(content.readableBytes == length, "seed \(random.seed), round \(round)")
            } catch let error as FormatError {
                refused += 1
                try #require(error.description.utf8.count < 200, "seed \(random.seed), round \(round)")
            }
        }
        #expect(read > 1000 && refused > 1000, "\(read) read, \(refused) refused")
    }

    /// Frames that say or hold more than they should (RFC 8878 §3.1.1).
    enum Bomb: CaseIterable, Sendable {
        /// Says 4 GiB and holds them: each block of four bytes is a run of 128 KiB.
        case honest
        /// Says as much as is expected, and holds 4 GiB.
        case understated
        /// Does not say how much it holds.
        case silent
        /// Says 4 GiB, and ends there.
        case empty
        /// Says 2^63 bytes.
        case absurd
        /// Wants a window of 2 TiB.
        case window
        /// A frame that is to be skipped, 4 GiB long.
        case skippable
        /// A valid frame, and another one behind it.
        case two

        func bytes(expected: Int) -> ByteBuffer {
            var bytes = ByteBuffer()
            func start(_ descriptor: UInt8, window: UInt8 = 0x70, size: UInt64?) {
                bytes.writeInteger(0xFD2F_B528 as UInt32, endianness: .little)
                bytes.writeInteger(descriptor)
                bytes.writeInteger(window)
                if let size { bytes.writeInteger(size, endianness: .little) }
            }
            func runs(_ count: Int) {
                for number in 1...count {
                    let header = UInt32(128 << 10) << 3 | 1 << 1 | (number == count ? 1 : 0)
                    bytes.writeBytes([UInt8(header & 0xFF), UInt8(header >> 8 & 0xFF), UInt8(header >> 16), 0])
                }
            }
            let many = 4 << 30 / (128 << 10)
            switch self {
            case .honest:
                start(0xC0, size: 4 << 30)
                runs(many)
            case .understated:
                start(0xC0, size: UInt64(expected))
                runs(many)
            case .silent:
                start(0x00, size: nil)
                runs(many)
            case .empty: start(0xC0, size: 4 << 30)
            case .absurd:
                start(0xC0, size: 1 << 63)
                runs(1)
            case .window:
                start(0xC0, window: 0xFF, size: UInt64(expected))
                runs(1)
            case .skippable:
                bytes.writeInteger(0x184D_2A50 as UInt32, endianness: .little)
                bytes.writeInteger(UInt32.max, endianness: .little)
            case .two:
                let frame = Zstd.compress(ByteBuffer(repeating: 1, count: expected))
                bytes.writeImmutableBuffer(frame)
                bytes.writeImmutableBuffer(frame)
            }
            return bytes
        }
    }

    @Test("A frame that says or holds more than it should is refused", arguments: Bomb.allCases)
    func bombs(_ bomb: Bomb) {
        for expected in [1, 100_000, FrameLocation.maxLength] {
            let bytes = bomb.bytes(expected: expected)
            #expect(throws: FormatError.self) { try Zstd.expand(bytes, length: expected) }
        }
    }
}
