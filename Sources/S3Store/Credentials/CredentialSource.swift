/// Where a client takes its credentials from, for each request anew.
public protocol CredentialSource: Sendable {
    /// Credentials that are valid now.
    /// - Throws: an error that says where was looked and what is wrong.
    func current() async throws -> Credentials
    /// Forget what is remembered: the store said that it has expired.
    func invalidate() async
}

/// Credentials that were given in code, and stay as they are.
public struct FixedCredentials: CredentialSource {
    private let credentials: Credentials
    public init(_ credentials: Credentials) { self.credentials = credentials }
    public func current() async -> Credentials { credentials }
    public func invalidate() async {}
}
