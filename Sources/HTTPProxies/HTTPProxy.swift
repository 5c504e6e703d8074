import AsyncHTTPClient

/// A proxy that opens tunnels on request.
public struct HTTPProxy: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    public let port: Int
    /// The variable that names it.
    public let variable: String
    /// Who asks the proxy.
    let user: User?

    struct User: Sendable, Hashable {
        let name: String
        let password: String
    }

    /// - Parameters:
    ///   - text: `http://HOST:PORT`, with `USER:PASSWORD@` before the host if the proxy wants to know who asks. `http://` may be
    ///     missing; without a port it is 80.
    ///   - variable: where the text stands.
    /// - Throws: ``ProxyError``.
    init(_ text: String, variable: String) throws(ProxyError) {
        var rest = text[...]
        if let colon = text.firstRange(of: "://") {
            let scheme = text[..<colon.lowerBound].lowercased()
            guard scheme == "http" else { throw ProxyError(variable, "names a proxy of a kind that cannot be used") }
            rest = text[colon.upperBound...]
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        user = try rest.lastIndex(of: "@").map { at throws(ProxyError) in
            defer { rest = rest[rest.index(after: at)...] }
            return try Self.user(rest[..<at], variable)
        }
        guard rest.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !rest.contains(where: { "/?#\\".contains($0) }),
            let (host, port) = splitPort(rest)
        else { throw ProxyError(variable, "holds no address of a proxy") }
        self.host = String(host)
        self.port = port ?? 80
        self.variable = variable
    }

    private static func user(_ text: Substring, _ variable: String) throws(ProxyError) -> User {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = decoded(parts[0]), let password = decoded(parts.count > 1 ? parts[1] : ""),
            // It would be taken for the start of the password (RFC 7617 §2).
            !name.contains(":")
        else { throw ProxyError(variable, "holds a user name or a password that cannot be sent") }
        return User(name: name, password: password)
    }

    /// What the proxy is shown to be asked by, which no output may contain; `nil` if it asks for nothing.
    public var secret: String? { user.flatMap { $0.password.isEmpty ? nil : $0.password } }

    /// Its address, without user and password.
    public var description: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// The proxy as the HTTP client wants it.
    public var configuration: HTTPClient.Configuration.Proxy {
        .server(
            host: host, port: port, authorization: user.map { .basic(username: $0.name, password: $0.password) })
    }
}

/// A variable that names no proxy which can be used. Its value is not shown: it may hold a password.
public struct ProxyError: Error, Sendable, Equatable, CustomStringConvertible {
    public let variable: String
    public let problem: String

    init(_ variable: String, _ problem: String) { (self.variable, self.problem) = (variable, problem) }

    public var description: String { "\(variable) \(problem). \(hint)" }
    public var hint: String { "Write http://HOST:PORT, or name the host of the store in NO_PROXY." }
}

/// Reads percent encoding (RFC 3986 §2.1).
/// - Returns: `nil` if it is broken, or what comes out is no UTF-8 or has control characters.
private func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard rest.count >= 2, rest.prefix(2).allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
        else { return nil }
        bytes.append(value)
        rest = rest.dropFirst(2)
    }
    guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
}
