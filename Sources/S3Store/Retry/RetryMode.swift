/// The two sets of numbers that AWS has published for its *standard* retry mode.
enum RetryMode: Sendable {
    /// The behaviour of the SDKs today.
    case standard
    /// Their coming behaviour: short waits after an error, long ones only where the store asks for fewer requests.
    case standard2026

    /// Tokens that a retry takes from the ``RetryTokenBucket``.
    func cost(isThrottling: Bool, isTimeout: Bool) -> Int {
        switch self {
        case .standard: isTimeout ? 10 : 5
        case .standard2026: isThrottling ? 5 : 14
        }
    }
}
