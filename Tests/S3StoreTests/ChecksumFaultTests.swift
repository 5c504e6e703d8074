import NIOCore
import Testing

@testable import S3Store

@Suite("Checksums and the speed limit")
struct ChecksumFaultTests {
    /// The check values of the catalogue of CRC algorithms: of the ASCII digits 1 to 9.
    @Test("Checks have their published values")
    func checkValues() {
        func check<Word: FixedWidthInteger & UnsignedInteger & Sendable>(_ table: [Word]) -> [UInt8] {
            var crc = CRC(table: table)
            Array("1234".utf8).withUnsafeBytes { crc.update($0) }
            Array("56789".utf8).withUnsafeBytes { crc.update($0) }
            return crc.bytes
        }
        #expect(check(CRCTable.crc32) == [0xCB, 0xF4, 0x39, 0x26])
        #expect(check(CRCTable.crc32c) == [0xE3, 0x06, 0x92, 0x83])
        #expect(check(CRCTable.crc64nvme) == [0xAE, 0x8B, 0x14, 0x86, 0x0A, 0x79, 0x98, 0x88])
    }

    @Test(
        "Base64 has the values of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64Values(_ plain: String, _ encoded: String) {
        #expect(base64(Array(plain.utf8)) == encoded)
    }

    /// Time that stands still unless a test moves it.
    struct Moment: InstantProtocol {
        var time: Duration
        func advanced(by duration: Duration) -> Moment { Moment(time: time + duration) }
        func duration(to other: Moment) -> Duration { other.time - time }
        static func < (a: Moment, b: Moment) -> Bool { a.time < b.time }
    }

    @Test("Callers come one after the other, each when the bytes before it are paid for")
    func schedule() {
        var schedule = RateSchedule(bytesPerSecond: 100, start: Moment(time: .zero))
        let now = Moment(time: .zero)
        #expect(
            [50, 200, 10].map { schedule.reserve($0, at: now).time } == [
                .zero, .milliseconds(500), .milliseconds(2500),
            ])
        #expect(schedule.reserve(100, at: now).time == .milliseconds(2600))
    }

    @Test("Time in which nothing is sent is not saved up")
    func idle() {
        var schedule = RateSchedule(bytesPerSecond: 100, start: Moment(time: .zero))
        _ = schedule.reserve(100, at: Moment(time: .zero))
        #expect(schedule.reserve(100, at: Moment(time: .seconds(60))).time == .seconds(60))
        #expect(schedule.reserve(100, at: Moment(time: .seconds(60))).time == .seconds(61))
    }

    @Test(
        "A body in slices is the body",
        arguments: [0, 1, SlicedBody.length, SlicedBody.length + 1, 3 * SlicedBody.length])
    func slices(_ count: Int) async {
        let body = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7) })
        var joined = ByteBuffer()
        for await slice in SlicedBody(content: body) {
            #expect((1...SlicedBody.length).contains(slice.readableBytes))
            joined.writeImmutableBuffer(slice)
        }
        #expect(joined == body)
    }
}
