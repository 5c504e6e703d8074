/// Why a request came to no answer.
enum TransportFailure: Sendable {
    /// No connection within the time allowed.
    case connectTimeout
    /// A connection, but no answer within the time allowed.
    case readTimeout
    /// Refused, reset, closed early, no such host, TLS, proxy: anything else between here and the store.
    case connection
    /// Something that failed before anything was sent, as missing credentials. Asking again changes nothing.
    case local

    var isTimeout: Bool { self == .connectTimeout || self == .readTimeout }
}

/// Whether a wrong clock on this machine may be why a request was refused.
enum ClockSkew: Sendable {
    /// The store says so.
    case definite
    /// The signature was refused, which a wrong clock also brings about.
    case possible
    case no
}

/// How an attempt failed.
struct FailedAttempt: Sendable {
    var operation: ServiceOperation
    /// The status of the answer; `nil` without one. For an error in the body of a success, 200 and 500 say the same.
    var status: Int?
    /// The code in the error document.
    var code: String?
    var transport: TransportFailure?
    /// 1 for the first.
    var number: Int
}

extension FailedAttempt {
    /// An attempt that was answered with an error.
    init(_ error: ServiceError, number: Int) {
        self.init(operation: error.operation, status: error.effectiveStatus, code: error.code, number: number)
    }

    /// An attempt that was not answered.
    init(_ operation: ServiceOperation, _ failure: TransportFailure, number: Int) {
        self.init(operation: operation, transport: failure, number: number)
    }
}

/// Reaction to a failed attempt.
struct RetryVerdict: Sendable, Equatable {
    let isRetryable: Bool
    /// Whether the store asks for fewer requests.
    let isThrottling: Bool
    let clockSkew: ClockSkew
}

/// Which failures are worth another attempt: the *standard* retry mode of the AWS SDKs (AWS SDKs and Tools Reference
/// Guide, "Retry behavior").
///
/// The method does not matter: each request of the client may be repeated, as long as its body can be sent again.
struct RetryClassifier: Sendable {
    /// Attempts in all, the first included.
    var maximumAttempts = 3
    /// Further statuses that count as throttling even without a code. The standard knows none; stores and proxies
    /// outside AWS use 429.
    var throttlingStatuses: Set<Int> = []

    func judge(_ attempt: FailedAttempt) -> RetryVerdict {
        let isThrottling =
            attempt.code.map { Self.throttlingCodes.contains($0) } ?? false
            || attempt.status.map { throttlingStatuses.contains($0) } ?? false
        return RetryVerdict(
            isRetryable: attempt.number < maximumAttempts && (isThrottling || isTransient(attempt)),
            isThrottling: isThrottling, clockSkew: clockSkew(attempt))
    }

    private func isTransient(_ attempt: FailedAttempt) -> Bool {
        if let transport = attempt.transport { return transport != .local }
        if let code = attempt.code {
            if Self.transientCodes.contains(code) { return true }
            if code == "IDPCommunicationError" && attempt.operation.isSecurityTokenService { return true }
        }
        switch attempt.status {
        case 500, 502, 503, 504: return true
        // An error in the body of a success is a failure that the store noticed too late: it counts as a 500.
        case .some(200..<300): return attempt.code != nil
        default: return false
        }
    }

    private func clockSkew(_ attempt: FailedAttempt) -> ClockSkew {
        switch attempt.code {
        case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture": .definite
        case "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure": .possible
        // So rclone's server says it; a permission that is missing is a 403.
        case "AccessDenied" where attempt.status == 400: .possible
        // A HEAD that is refused does not say why.
        default: attempt.operation.isHead && (attempt.status == 403 || attempt.status == 401) ? .possible : .no
        }
    }

    private static let transientCodes: Set<String> = [
        "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete",
    ]

    private static let throttlingCodes: Set<String> = [
        "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException",
        "TooManyRequestsException", "TransactionInProgressException",
    ]
}
