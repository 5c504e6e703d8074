/// Where a client takes its credentials from, for each request anew.
public protocol CredentialSource: Sendable {
    /// Credentials that are valid now.
    /// - Throws: an error that says where was looked and what is wrong.
    func current() async throws -> Credentials
    /// Forget these credentials if they are remembered: the store said that they have expired.
    func invalidate(_ rejected: Credentials) async
}

/// Credentials that were given in code, and stay as they are.
public struct FixedCredentials: CredentialSource {
    private let credentials: Credentials
    public init(_ credentials: Credentials) { self.credentials = credentials }
    public func current() async -> Credentials { credentials }
    public func invalidate(_ rejected: Credentials) async {}
}
