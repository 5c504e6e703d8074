import AsyncHTTPClient
import Basics
import FoundationEssentials

/// A proxy that opens tunnels on request.
public struct HTTPProxy: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    public let port: Int
    /// The variable that names it.
    public let variable: String
    /// Whom the proxy shall take this machine for.
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
        let text = text.contains("://") ? text : "http://\(text)"
        guard let url = URL(string: text, encodingInvalidCharacters: false), let scheme = url.scheme,
            let host = url.host(percentEncoded: true), !host.isEmpty, !host.contains("%"),
            (1...65535).contains(url.port ?? 80), ["", "/"].contains(url.path), url.query() == nil,
            url.fragment() == nil
        else { throw ProxyError(variable, "holds no address of a proxy") }
        guard scheme.lowercased() == "http" else {
            throw ProxyError(variable, "names a proxy of a kind that cannot be used")
        }
        user = try Self.user(of: url, variable)
        (self.host, port, self.variable) = (host, url.port ?? 80, variable)
    }

    private static func user(of url: URL, _ variable: String) throws(ProxyError) -> User? {
        guard url.user(percentEncoded: true) != nil else { return nil }
        // Decoding gives `nil` for bytes that are no UTF-8, as if there were none.
        let password = url.password(percentEncoded: true) == nil ? "" : url.password(percentEncoded: false)
        guard let name = url.user(percentEncoded: false), let password,
            !(name + password).unicodeScalars.contains(where: { $0.properties.generalCategory == .control }),
            // It would be taken for the start of the password (RFC 7617 §2).
            !name.contains(":")
        else { throw ProxyError(variable, "holds a user name or a password that cannot be sent") }
        return User(name: name, password: password)
    }

    /// The password, which no output may contain; `nil` if there is none.
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

extension ProxyError: FailureConvertible {
    public var failure: Failure { Failure(code: .invalid, message: "\(variable) \(problem)", hint: hint) }
}

extension HTTPClientError {
    /// The failure of a proxy in words for a person; `nil` for an error that is none of a proxy's.
    public var proxyReason: String? {
        switch self {
        case .httpProxyHandshakeTimeout: "the proxy opened no tunnel in time"
        case .invalidProxyResponse: "the proxy opened no tunnel"
        case .proxyAuthenticationRequired: "the proxy wants another user name and password, or any"
        default: nil
        }
    }
}
