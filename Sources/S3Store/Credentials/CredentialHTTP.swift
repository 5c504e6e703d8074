/// The HTTP that the search for credentials needs: one request, one small answer, no redirects.
public protocol CredentialHTTP: Sendable {
    /// - Throws: ``CredentialHTTPError`` if there is no answer; `CancellationError`.
    func send(_ request: CredentialRequest) async throws -> CredentialResponse
}

/// A request to a token or metadata service.
public struct CredentialRequest: Sendable {
    public var method: String
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// How long to wait for the connection, and then for each sign of life.
    public var timeout: Duration

    public init(
        method: String, url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        timeout: Duration
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }
}

/// An answer, with any status.
public struct CredentialResponse: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Why there was no answer.
public enum CredentialHTTPError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No connection: refused, no route, no such host, or no reply in time.
    case unreachable(String)
    /// A connection, but no answer in time.
    case timedOut
    /// The exchange broke off, or the answer was no HTTP, or too long.
    case broken(String)

    public var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .timedOut: "no answer in time"
        case .broken(let reason): reason
        }
    }
}
