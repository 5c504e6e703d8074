import Foundation
import Testing

@testable import S3Store

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "The basic form of a date is the one SigV4 signs",
        arguments: [
            (0.0, "19700101T000000Z"), (1_369_353_600, "20130524T000000Z"), (951_782_399, "20000228T235959Z"),
            (4_102_444_799, "20991231T235959Z"), (-1, "19691231T235959Z"),
        ])
    func basic(seconds: Double, text: String) {
        #expect(Timestamp.basic(Date(timeIntervalSince1970: seconds)) == text)
        #expect(Timestamp.iso8601(text) == Date(timeIntervalSince1970: seconds))
    }

    @Test(
        "ISO 8601 is read in every form that providers send",
        arguments: [
            ("2099-01-02T03:04:05Z", 4_071_006_245.0), ("2099-01-02T03:04:05.500Z", 4_071_006_245.5),
            ("2099-01-02T03:04:05+01:00", 4_071_002_645), ("2099-01-02 03:04:05", 4_071_006_245),
        ])
    func iso(text: String, seconds: Double) {
        #expect(Timestamp.iso8601(text) == Date(timeIntervalSince1970: seconds))
    }

    @Test(
        "What is no time is nil", arguments: ["", "2099", "2099-13-01T00:00:00Z", "tomorrow", "2099-01-02T03:04:05.Z"])
    func refused(text: String) {
        #expect(Timestamp.iso8601(text) == nil)
        #expect(Timestamp.http(text) == nil)
    }

    @Test("The HTTP date of RFC 9110 is read")
    func http() {
        #expect(Timestamp.http("Sun, 06 Nov 1994 08:49:37 GMT") == Date(timeIntervalSince1970: 784_111_777))
    }
}
