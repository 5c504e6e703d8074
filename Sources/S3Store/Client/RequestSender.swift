import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import ObjectStore

/// Takes a call to its end: address, signature, attempts, redirect to the right region, correction of the clock, renewal
/// of credentials. Whatever comes out is an answer or a ``StoreError``.
struct RequestSender: Sendable {
    let bucket: S3Bucket
    let transport: HTTPTransport
    let credentials: any CredentialSource
    let clock: SigningClock
    let classifier: RetryClassifier
    let backoff = Backoff(mode: .standard2026)
    let tokens = RetryTokenBucket()
    let timing: RetryTiming
    let logger: Logger
    private let signingKeys = SigningKeyCache()

    init(
        bucket: S3Bucket, transport: HTTPTransport, credentials: any CredentialSource, clock: SigningClock,
        attempts: Int, timing: RetryTiming, logger: Logger
    ) {
        self.bucket = bucket
        self.transport = transport
        self.credentials = credentials
        self.clock = clock
        classifier = RetryClassifier(maximumAttempts: attempts, throttlingStatuses: [429])
        self.timing = timing
        self.logger = logger
    }

    /// Sends a call until it succeeds or another attempt makes no sense.
    /// - Parameter read: takes what is needed from an answer. What it throws counts as a failure of the attempt.
    func send<Answer: Sendable>(
        _ call: S3Call, read: @Sendable (HTTPClientResponse) async throws -> Answer
    ) async throws(StoreError) -> Answer {
        var progress = Progress()
        while true {
            let failure: Failure
            do {
                let answer = try await attempt(call, &progress, read)
                tokens.succeeded(lastCost: progress.lastCost)
                return answer
            } catch {
                failure = Failure(error)
            }
            try await recover(from: failure, call, &progress)
        }
    }

    /// History of one call so far.
    struct Progress {
        var number = 1
        var lastCost: Int?
        var wasRedirected = false
        var clockWasCorrected = false
        var credentialsWereRenewed = false

        // The present attempt.
        var signed = Date(timeIntervalSince1970: 0)
        var region = ""
        var credentials: Credentials?
        /// Empty as long as there is no answer.
        var headers = HTTPHeaders()

        var serverDate: String? { headers.first(name: "date") }
        var regionHeader: String? { headers.first(name: "x-amz-bucket-region") }
    }

    /// Why an attempt did not succeed.
    enum Failure {
        case service(ServiceError)
        case transport(any Error)
        /// Something that another attempt does not change.
        case final(StoreError)

        init(_ error: any Error) {
            switch error {
            case let error as ServiceError: self = .service(error)
            case let error as StoreError: self = .final(error)
            default: self = .transport(error)
            }
        }
    }

    func attempt<Answer: Sendable>(
        _ call: S3Call, _ progress: inout Progress, _ read: (HTTPClientResponse) async throws -> Answer
    ) async throws -> Answer {
        try Task.checkCancellation()
        progress.headers = HTTPHeaders()
        let endpoint = bucket.endpoint
        let key = try await signingCredentials(call)
        progress.signed = clock.now
        progress.region = endpoint.signingRegion
        progress.credentials = key
        var request = endpoint.request(method: call.method, key: call.key, query: call.query, headers: call.headers)
        if let owner = bucket.expectedOwner { request.headers.append(("x-amz-expected-bucket-owner", owner)) }
        let signer = SigV4Signer(region: endpoint.signingRegion, service: endpoint.signingName, keys: signingKeys)
        let signature = signer.sign(request, payload: call.payload, credentials: key, date: progress.signed)
        var headers = HTTPHeaders()
        headers.reserveCapacity(request.headers.count + signature.headers.count + 2)
        for (name, value) in request.headers { headers.add(name: name, value: value) }
        // None of these is among the call's own.
        for (name, value) in signature.headers { headers.add(name: name, value: value) }
        headers.add(name: "user-agent", value: S3Bucket.userAgent)

        if call.carriesContent { transport.meter.count(sent: Int64(call.body?.readableBytes ?? 0)) }
        let response = try await transport.send(request, headers: headers, body: call.body)
        progress.headers = response.headers
        guard (200..<300).contains(response.status.code) else {
            throw ServiceError(try await response.collected(call, upTo: 1 << 20))
        }
        return try await read(response)
    }

    private func signingCredentials(_ call: S3Call) async throws -> Credentials {
        do {
            return try await credentials.current()
        } catch let error as CredentialError {
            // Why each place had none is for those who ask; the names are enough to see what is missing.
            for place in error.looked {
                logger.debug("No credentials", metadata: ["place": "\(place.name)", "reason": "\(place.reason)"])
            }
            throw StoreError(.noCredentials, call.verb, key: call.objectKey, error.summary, hint: error.advice)
        } catch {
            if error is CancellationError { throw error }
            throw StoreError(.noCredentials, call.verb, key: call.objectKey, "no credentials: \(error)")
        }
    }

    /// Prepares the next attempt, or ends the call.
    private func recover(from failure: Failure, _ call: S3Call, _ progress: inout Progress) async throws(StoreError) {
        let attempt: FailedAttempt
        switch failure {
        case .final(let error): throw described(error, call, progress)
        case .service(let error):
            if try await repairs(error, call, &progress) { return }
            attempt = FailedAttempt(error, number: progress.number)
        case .transport(let error):
            guard let kind = TransportFailure(error), !Task.isCancelled else { throw cancelled(call) }
            attempt = FailedAttempt(call.operation, kind, number: progress.number)
        }
        let verdict = classifier.judge(attempt)
        let isTimeout = attempt.transport?.isTimeout ?? false
        let cost = backoff.mode.cost(isThrottling: verdict.isThrottling, isTimeout: isTimeout)
        guard verdict.isRetryable, tokens.take(cost) else { throw storeError(failure, call, progress) }
        let delay = backoff.delay(
            afterAttempt: progress.number, isThrottling: verdict.isThrottling,
            amzRetryAfter: progress.headers.first(name: "x-amz-retry-after"), random: timing.random(),
            atLeast: Backoff.retryAfter(progress.headers))
        logger.debug(
            "Retrying a request",
            metadata: [
                "operation": "\(call.operation)", "attempt": "\(progress.number)", "delaySeconds": "\(delay)",
                "cause": "\(storeError(failure, call, progress).reason)",
            ])
        progress.lastCost = cost
        progress.number += 1
        do { try await timing.wait(delay) } catch { throw cancelled(call) }
    }

    private func cancelled(_ call: S3Call) -> StoreError {
        StoreError(.cancelled, call.verb, key: call.objectKey, "was cancelled")
    }
}
