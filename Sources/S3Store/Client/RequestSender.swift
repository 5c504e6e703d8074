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
    let logger: Logger
    private let signingKeys = SigningKeyCache()

    init(
        bucket: S3Bucket, transport: HTTPTransport, credentials: any CredentialSource, clock: SigningClock,
        attempts: Int, logger: Logger
    ) {
        self.bucket = bucket
        self.transport = transport
        self.credentials = credentials
        self.clock = clock
        classifier = RetryClassifier(maximumAttempts: attempts, throttlingStatuses: [429])
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

    /// What has happened to one call so far.
    struct Progress {
        var number = 1
        var signed = Date(timeIntervalSince1970: 0)
        var serverDate: String?
        var retryAfter: Double?
        var amzRetryAfter: String?
        var regionHeader: String?
        var lastCost: Int?
        var wasRedirected = false
        var clockWasCorrected = false
        var credentialsWereRenewed = false
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

    private func attempt<Answer: Sendable>(
        _ call: S3Call, _ progress: inout Progress, _ read: (HTTPClientResponse) async throws -> Answer
    ) async throws -> Answer {
        try Task.checkCancellation()
        let endpoint = bucket.endpoint
        let key = try await signingCredentials(call)
        progress.signed = clock.now
        var request = endpoint.request(
            method: call.method, key: call.key, query: call.query, headers: call.headers)
        if let owner = bucket.expectedOwner { request.headers.append(("x-amz-expected-bucket-owner", owner)) }
        let payload = call.body.map { PayloadHash.sha256(hex(sha256($0))) } ?? .empty
        let signer = SigV4Signer(region: endpoint.signingRegion, service: endpoint.signingName, keys: signingKeys)
        let signature = signer.sign(request, payload: payload, credentials: key, date: progress.signed)
        var headers = HTTPHeaders()
        headers.reserveCapacity(request.headers.count + signature.headers.count + 2)
        for (name, value) in request.headers { headers.add(name: name, value: value) }
        for (name, value) in signature.headers { headers.replaceOrAdd(name: name, value: value) }
        headers.add(name: "user-agent", value: S3Bucket.userAgent)

        let response = try await transport.send(request, headers: headers, body: call.body)
        progress.serverDate = response.headers.first(name: "date")
        progress.retryAfter = Backoff.retryAfter(response.headers)
        progress.amzRetryAfter = response.headers.first(name: "x-amz-retry-after")
        progress.regionHeader = response.headers.first(name: "x-amz-bucket-region")
        guard (200..<300).contains(response.status.code) else {
            throw ServiceError(try await response.collected(call, upTo: 1 << 20))
        }
        return try await read(response)
    }

    private func signingCredentials(_ call: S3Call) async throws -> Credentials {
        do { return try await credentials.current() } catch let error as CredentialError {
            let places = error.looked.map { " \($0.name): \($0.reason)." }.joined()
            throw StoreError(.noCredentials, call.verb, key: call.objectKey, error.problem + places, hint: error.advice)
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
            guard let kind = TransportFailure(error), !Task.isCancelled else {
                throw StoreError(.cancelled, call.verb, key: call.objectKey, "was cancelled")
            }
            attempt = FailedAttempt(call.operation, isTLSFailure(error) ? .local : kind, number: progress.number)
        }
        let verdict = classifier.judge(attempt)
        let isTimeout = attempt.transport?.isTimeout ?? false
        let cost = backoff.mode.cost(isThrottling: verdict.isThrottling, isTimeout: isTimeout)
        guard verdict.isRetryable, tokens.take(cost) else { throw storeError(failure, call, progress) }
        let delay = backoff.delay(
            afterAttempt: progress.number, isThrottling: verdict.isThrottling, amzRetryAfter: progress.amzRetryAfter,
            random: Double.random(in: 0..<1), atLeast: progress.retryAfter)
        logger.debug(
            "Retrying a request",
            metadata: [
                "operation": "\(call.operation)", "attempt": "\(progress.number)", "delaySeconds": "\(delay)",
                "cause": "\(storeError(failure, call, progress).reason)",
            ])
        progress.lastCost = cost
        progress.number += 1
        do { try await Task.sleep(for: .seconds(delay)) } catch {
            throw StoreError(.cancelled, call.verb, key: call.objectKey, "was cancelled")
        }
    }

    /// Mends what the answer says is wrong here: region, clock, credentials. Each once for a call.
    /// - Returns: whether the call is worth sending again at once.
    private func repairs(
        _ error: ServiceError, _ call: S3Call, _ progress: inout Progress
    ) async throws(StoreError) -> Bool {
        if let region = try await redirect(error, call, progress) {
            progress.wasRedirected = true
            logger.warning(
                "The bucket is in another region",
                metadata: [
                    "bucket": "\(bucket.name)", "configured": "\(bucket.endpoint.signingRegion)", "actual": "\(region)",
                ])
            try bucket.move(to: region)
            return true
        }
        let verdict = classifier.judge(FailedAttempt(error, number: progress.number))
        if verdict.clockSkew != .no, !progress.clockWasCorrected,
            clock.correct(serverDate: progress.serverDate, signed: progress.signed)
        {
            progress.clockWasCorrected = true
            logger.warning(
                "The clock of this machine differs from the store's; requests are signed with the store's time",
                metadata: ["serverDate": "\(progress.serverDate ?? "")"])
            return true
        }
        if ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"].contains(error.code),
            !progress.credentialsWereRenewed
        {
            progress.credentialsWereRenewed = true
            await credentials.invalidate()
            return true
        }
        return false
    }

    private func redirect(
        _ error: ServiceError, _ call: S3Call, _ progress: Progress
    ) async throws(StoreError) -> String? {
        // A custom endpoint is one place; its region is a name for signing, not an address to go to.
        let redirect = RegionRedirect(
            error, regionHeader: progress.regionHeader, bucket: bucket.name, alreadyRedirected: progress.wasRedirected)
        let region: String
        switch redirect {
        case .stay: return nil
        case .region(let named): region = named
        case .askHeadBucket:
            guard call.operation != .headBucket else { return nil }
            guard let named = await askRegion() else { return nil }
            region = named
        }
        return region == bucket.endpoint.signingRegion ? nil : region
    }

    /// The region that HEAD bucket names, whatever its status.
    private func askRegion() async -> String? {
        var progress = Progress()
        let call = S3Call(.headBucket, "HEAD")
        _ = try? await attempt(call, &progress) { _ in }
        guard case .region(let named) = RegionRedirect(named: progress.regionHeader) else { return nil }
        return named
    }
}
