import AsyncHTTPClient
import NIOCore

/// HTTP clients: one for what is reached directly, and one for each proxy.
public struct ProxiedClients: Sendable {
    private let rules: ProxyRules
    private let direct: HTTPClient
    private let proxied: [HTTPProxy: HTTPClient]

    /// They have to be ended with ``shutdown()``.
    /// - Parameters:
    ///   - configuration: of each client, but for its proxy.
    ///   - group: where the connections live.
    public init(_ rules: ProxyRules, configuration: HTTPClient.Configuration, on group: any EventLoopGroup) {
        self.rules = rules
        direct = HTTPClient(eventLoopGroup: group, configuration: configuration)
        var proxied: [HTTPProxy: HTTPClient] = [:]
        for proxy in rules.proxies {
            var configuration = configuration
            configuration.proxy = proxy.configuration
            proxied[proxy] = HTTPClient(eventLoopGroup: group, configuration: configuration)
        }
        self.proxied = proxied
    }

    /// The proxy that leads to an address; `nil` if it is reached directly.
    /// - Throws: ``ProxyError``.
    public func proxy(for url: String) throws(ProxyError) -> HTTPProxy? { try rules.proxy(for: url) }

    /// The client that reaches an address.
    /// - Throws: ``ProxyError``.
    public func client(for url: String) throws(ProxyError) -> HTTPClient {
        try proxy(for: url).flatMap { proxied[$0] } ?? direct
    }

    /// Ends all clients, also if one of them fails.
    public func shutdown() async throws {
        var failure: (any Error)?
        for client in [direct] + proxied.values {
            do { try await client.shutdown() } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
