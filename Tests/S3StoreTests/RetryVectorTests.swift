import Foundation
import TestSupport
import Testing

@testable import S3Store

@Suite("Retry: conformance vectors")
struct RetryVectorTests {
    @Test("Failures are classified", arguments: Vectors.load("retry", kinds: ["retry-class"]))
    func classes(_ vector: Vector) throws {
        let input = vector.input
        let failure = input["transport_error"].string.map(transport)
        let attempt = FailedAttempt(
            operation: ServiceOperation(rawValue: try #require(input["operation"].string)), status: input["status"].int,
            code: code(input), transport: failure, number: try #require(input["attempt"].int))
        let classifier = RetryClassifier(maximumAttempts: try #require(input["max_attempts"].int))
        let verdict = classifier.judge(attempt)
        let cost = RetryMode.standard.cost(isThrottling: verdict.isThrottling, isTimeout: failure?.isTimeout ?? false)
        #expect(
            vector.accepts { expected in
                expected["retryable"].bool == verdict.isRetryable && expected["throttling"].bool == verdict.isThrottling
                    // Whether a refused signature is taken for a sign of a wrong clock is left to the client.
                    && ["possible", name(verdict.clockSkew)].contains(expected["clock_skew"].string)
                    && [nil, cost].contains(expected["retry_cost"].int)
            }, "\(verdict)")
    }

    @Test(
        "Answers from the wrong region lead to the right one",
        arguments: Vectors.load("retry", kinds: ["region-redirect"]))
    func redirects(_ vector: Vector) throws {
        let input = vector.input
        var decision = RegionRedirect.stay
        if input["transport_error"].bool != true {
            let fields = (input["error_fields"].object ?? [:]).mapValues { $0.string ?? "" }
            let header = input["headers"].object?.first { $0.key.lowercased() == "x-amz-bucket-region" }
            let error = ServiceError(
                operation: ServiceOperation(rawValue: try #require(input["operation"].string)),
                status: try #require(input["status"].int), code: code(input), message: "", fields: fields,
                requestID: nil, hostID: nil)
            decision = RegionRedirect(
                error, regionHeader: header?.value.string, bucket: input["bucket"].string,
                alreadyRedirected: input["already_redirected"].bool ?? false)
        }
        let asks = decision == .askHeadBucket
        if asks { decision = RegionRedirect(named: input["head_bucket_answers_region"].string) }
        #expect(
            vector.accepts { expected in
                let region = expected["new_region"].string
                return decision
                    == (expected["redirect"].bool == true ? region.map { .region($0) } : RegionRedirect.stay)
                    && asks == expected["asks_head_bucket"].bool
            }, "\(decision), asks \(asks)")
    }

    @Test("Waits have the length of the mode", arguments: Vectors.load("retry", kinds: ["backoff"]))
    func backoff(_ vector: Vector) throws {
        let input = vector.input
        let delay = Backoff(mode: try mode(input)).delay(
            afterAttempt: try #require(input["failed_attempt"].int), isThrottling: input["throttling"].bool ?? false,
            amzRetryAfter: input["x_amz_retry_after"].string, random: try #require(input["random"].number))
        #expect(vector.accepts { abs(($0["delay_seconds"].number ?? -1) - delay) < 1e-6 }, "\(delay)")
    }

    @Test("The token bucket gives and takes", arguments: Vectors.load("retry", kinds: ["token-bucket"]))
    func bucket(_ vector: Vector) throws {
        let mode = try mode(vector.input)
        let bucket = RetryTokenBucket(capacity: try #require(vector.input["capacity"].int))
        var lastCosts: [String: Int] = [:]
        var available: [Int] = []
        var allowed: [Bool?] = []
        for step in try #require(vector.input["steps"].array) {
            let request = step["request"].string ?? ""
            var taken: Bool?
            for _ in 0..<(step["times"].int ?? 1) {
                switch step["event"].string {
                case "retry":
                    let error = try #require(step["error"].string)
                    let cost = mode.cost(isThrottling: error.contains("throttl"), isTimeout: error.hasSuffix("timeout"))
                    taken = bucket.take(cost)
                    if taken == true { lastCosts[request] = cost }
                case "success": bucket.succeeded(lastCost: lastCosts[request])
                default: break
                }
            }
            available.append(bucket.available)
            allowed.append(taken)
        }
        #expect(
            vector.accepts { expected in
                expected["available_after_step"].array?.map(\.int) == available
                    && expected["last_retry_of_step_allowed"].array?.map(\.bool) == allowed
            }, "\(available) \(allowed)")
    }

    /// A code that only repeats the status is none that the body had.
    private func code(_ input: JSONValue) -> String? {
        input["code"].string.flatMap { $0 == input["status"].int.map { "\($0)" } ? nil : $0 }
    }

    private func mode(_ input: JSONValue) throws -> RetryMode {
        switch try #require(input["mode"].string) {
        case "standard": .standard
        case "standard-2026": .standard2026
        default: throw UnknownMode()
        }
    }
    private struct UnknownMode: Error {}

    /// Names of errors without an answer: time-outs, what is wrong with the request itself, and the way to the store.
    private func transport(_ name: String) -> TransportFailure {
        switch name {
        case "connect_timeout": .connectTimeout
        case "read_timeout": .readTimeout
        default:
            ["credential", "param", "valid", "region", "config", "seek", "checksum"].contains { name.contains($0) }
                ? .local : .connection
        }
    }

    private func name(_ skew: ClockSkew) -> String {
        switch skew {
        case .definite: "definite"
        case .possible: "possible"
        case .no: "no"
        }
    }
}
