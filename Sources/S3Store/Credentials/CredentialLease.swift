import FoundationEssentials

/// Credentials with their end in view.
struct CredentialLease: Sendable {
    let credentials: Credentials
    /// Seconds before the end from which newer ones are wanted, and from which they are needed.
    private let windows: (advised: Double, required: Double)

    enum Need: Sendable, Equatable { case none, advised, required }

    /// - Parameter fetched: when they were fetched, if that was just now; it tells how long they live altogether.
    init(_ credentials: Credentials, fetched: Date? = nil) {
        self.credentials = credentials
        let lifetime = fetched.flatMap { credentials.expiration?.timeIntervalSince($0) } ?? .infinity
        // A role session may last no more than 15 minutes. With fixed windows each request would renew it.
        windows = (min(900, lifetime / 2), min(600, lifetime / 3))
    }

    /// Whether newer credentials should be fetched at a moment. Those without an end are never renewed.
    func need(at moment: Date) -> Need {
        guard let end = credentials.expiration else { return .none }
        let left = end.timeIntervalSince(moment)
        return left >= windows.advised ? .none : left >= windows.required ? .advised : .required
    }
}
