/// Who may see what: decided from the head of a request alone.
struct AccessRules: Sendable {
    /// The server listens where only this machine gets.
    let isLoopback: Bool
    let token: AccessToken?

    /// What a request shows.
    struct Request {
        var method: String
        /// The path with the query, as it was sent.
        var target: String
        /// The `Host` header.
        var host: String?
        var authorization: String?
    }

    enum Refusal: Equatable {
        /// Nothing can be changed here.
        case method
        /// The address is not one of this server's.
        case target
        /// The page was asked for under the name of somebody else.
        case host
        /// The token is missing or wrong.
        case token
    }

    /// The page is only for machines to see whether the process is well: it says nothing else.
    static let open: Set<String> = ["/healthz", "/readyz"]

    /// - Returns: why the request is refused, or `nil`.
    func refusal(of request: Request) -> Refusal? {
        guard request.target.hasPrefix("/"), request.target.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return .target
        }
        // A page of another site whose name was made to point here is read by that site. Its name gives it away.
        if isLoopback, !Self.isLocal(request.host) { return .host }
        guard ["GET", "HEAD"].contains(request.method) else { return .method }
        return isAuthorised(request) || Self.open.contains(Self.path(of: request.target)) ? nil : .token
    }

    /// Whether the reader may see more than that the process is well.
    func isAuthorised(_ request: Request) -> Bool { token?.accepts(request.authorization) ?? true }

    private static func path(of target: String) -> String { String(target.prefix { $0 != "?" }) }

    /// Whether a `Host` header names this machine: `localhost`, an address of 127.0.0.0/8, or `[::1]`; with any port, since
    /// the page may have been forwarded.
    static func isLocal(_ host: String?) -> Bool {
        guard let host = host?.lowercased() else { return false }
        var name = host[...]
        if let end = name.lastIndex(of: "]") {
            name = name[...end]
        } else if let colon = name.firstIndex(of: ":") {
            name = name[..<colon]
        }
        let rest = host.utf8.dropFirst(name.utf8.count)
        let isPort =
            rest.isEmpty
            || rest.first == UInt8(ascii: ":") && rest.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
        guard isPort else { return false }
        return name == "localhost" || name == "[::1]" || HTTPAddress.isLoopback(String(name))
    }
}
