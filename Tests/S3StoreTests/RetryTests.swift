import FoundationEssentials
import NIOHTTP1
import Testing

@testable import S3Store

@Suite("Retry")
struct RetryTests {
    @Test(
        "Retry-After is a lower bound, up to twenty seconds",
        arguments: [
            (nil, 0.5), (0, 0.5), (0.2, 0.5), (3, 3), (20, 20), (3600, 20),
        ] as [(Double?, Double)])
    func lowerBound(atLeast: Double?, expected: Double) {
        let delay = Backoff().delay(afterAttempt: 1, isThrottling: false, random: 0.5, atLeast: atLeast)
        #expect(delay == expected)
    }

    @Test(
        "Retry-After is read in seconds, and as a date by the clock of the store",
        arguments: [
            ("5", 5), (" 0 ", 0), ("-1", nil), ("soon", nil), ("", nil), ("Mon, 03 Nov 2025 10:20:40 GMT", 10),
            ("Mon, 03 Nov 2025 10:20:20 GMT", 0),
        ] as [(String, Double?)])
    func retryAfter(text: String, expected: Double?) {
        let headers: HTTPHeaders = ["Retry-After": text, "Date": "Mon, 03 Nov 2025 10:20:30 GMT"]
        #expect(Backoff.retryAfter(headers) == expected)
        #expect(Backoff.retryAfter([:]) == nil)
    }

    @Test(
        "x-amz-retry-after counts in the newer mode only, and only as a whole number",
        arguments: [
            (RetryMode.standard2026, "1500", 1.5), (.standard2026, "100", 0.5), (.standard2026, "60000", 5.5),
            (.standard2026, "-5", 0.5), (.standard2026, "1.5", 0.5), (.standard2026, "", 0.5), (.standard, "1500", 0.5),
        ])
    func amzRetryAfter(mode: RetryMode, header: String, expected: Double) {
        let delay = Backoff(mode: mode).delay(afterAttempt: 1, isThrottling: true, amzRetryAfter: header, random: 0.5)
        #expect(abs(delay - expected) < 1e-9)
    }

    @Test("No number of attempts makes a wait infinite or negative", arguments: [Int.min, 0, 1, 64, 1025, Int.max])
    func extremes(attempt: Int) {
        for mode in [RetryMode.standard, .standard2026] {
            let delay = Backoff(mode: mode).delay(afterAttempt: attempt, isThrottling: false, random: 0.999)
            #expect((0...Backoff.maximum).contains(delay))
        }
    }

    @Test("Statuses that a client adds count as throttling")
    func addedStatuses() {
        let attempt = FailedAttempt(operation: .getObject, status: 429, number: 1)
        #expect(!RetryClassifier().judge(attempt).isRetryable)
        let verdict = RetryClassifier(throttlingStatuses: [429]).judge(attempt)
        #expect(verdict == RetryVerdict(isRetryable: true, isThrottling: true, clockSkew: .no))
    }

    @Test(
        "A HEAD that is refused may be a matter of the clock",
        arguments: [
            (ServiceOperation.headObject, 403, ClockSkew.possible), (.headBucket, 403, .possible),
            (.headObject, 404, .no),
            (.getObject, 403, .no),
        ])
    func headSkew(operation: ServiceOperation, status: Int, expected: ClockSkew) {
        #expect(
            RetryClassifier().judge(FailedAttempt(operation: operation, status: status, number: 1)).clockSkew
                == expected)
    }

    @Test("A denial that is no 403 may be a matter of the clock", arguments: [(400, ClockSkew.possible), (403, .no)])
    func denialSkew(status: Int, expected: ClockSkew) {
        let attempt = FailedAttempt(operation: .getObject, status: status, code: "AccessDenied", number: 1)
        #expect(RetryClassifier().judge(attempt).clockSkew == expected)
    }

    @Test(
        "What failed here and not on the way is not repeated",
        arguments: [
            (TransportFailure.connectTimeout, true), (.readTimeout, true), (.connection, true), (.local, false),
        ])
    func transport(failure: TransportFailure, expected: Bool) {
        #expect(RetryClassifier().judge(FailedAttempt(.getObject, failure, number: 1)).isRetryable == expected)
    }

    @Test("The bucket never gives more than it has, however many ask at once")
    func concurrentBucket() async {
        let bucket = RetryTokenBucket(capacity: 500)
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<100).reduce(0) { count, _ in count + (bucket.take(5) ? 1 : 0) } }
            }
            return await group.reduce(0, +)
        }
        #expect(granted == 100 && bucket.available == 0)
        bucket.succeeded(lastCost: 10_000)
        #expect(bucket.available == 500)
    }

    @Test("An access point is never looked for in another region, nor is anything without a bucket asked for one")
    func redirectLimits() {
        func decide(_ bucket: String?, _ header: String?) -> RegionRedirect {
            let error = ServiceError(
                operation: .getObject, status: 301, code: "PermanentRedirect", message: "", fields: [:], requestID: nil,
                hostID: nil)
            return RegionRedirect(error, regionHeader: header, bucket: bucket, alreadyRedirected: false)
        }
        #expect(decide("arn:aws:s3:us-east-1:1:accesspoint/a", "eu-west-1") == .stay)
        #expect(decide(nil, nil) == .stay)
        #expect(decide(nil, "eu-west-1") == .region("eu-west-1"))
        #expect(decide("b", nil) == .askHeadBucket)
    }

    @Test(
        "A region that is no host label is refused",
        arguments: [
            "", "-a", "a-", "123", "a.b", "a/b", "a b", "a\n", "é", String(repeating: "a", count: 64), "evil.com#",
        ])
    func badRegion(name: String) {
        #expect(RegionRedirect(named: name) == .stay)
    }
}

@Suite("Signing clock")
struct SigningClockTests {
    private let server = "Mon, 03 Nov 2025 10:20:30 GMT"
    private let serverTime = Date(timeIntervalSince1970: 1_762_165_230)

    @Test("A clock that is more than five minutes off is corrected", arguments: [-86_400.0, -301, 301, 3600])
    func corrected(error: Double) {
        let wrong = serverTime + error
        let clock = SigningClock { wrong }
        #expect(clock.now == wrong)
        #expect(clock.correct(serverDate: server, signed: clock.now))
        #expect(clock.now == serverTime)
        // Signed with the corrected time, the same answer is no reason any more.
        #expect(!clock.correct(serverDate: server, signed: clock.now))
    }

    @Test(
        "A clock that is nearly right, or cannot be compared, is left alone",
        arguments: [
            ("Mon, 03 Nov 2025 10:20:30 GMT", 300.0), ("Mon, 03 Nov 2025 10:20:30 GMT", -300), (nil, 9999),
            ("today", 9999),
        ])
    func left(date: String?, error: Double) {
        let time = serverTime + error
        let clock = SigningClock { time }
        #expect(!clock.correct(serverDate: date, signed: clock.now))
        #expect(clock.now == time)
    }
}
