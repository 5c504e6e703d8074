import AsyncHTTPClient
import NIOCore

/// HTTP clients: one for what is reached directly, and one for each proxy.
public struct ProxiedClients: Sendable {
    private let rules: ProxyRules
    private let direct: HTTPClient
    private let proxied: [HTTPProxy: HTTPClient]

    /// They have to be ended with ``shutDown(after:)``.
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

    /// Ends all clients once the work with them has ended.
    /// - Throws: what `work` throws, else what ending them does.
    public func shutDown<Result>(after work: () async throws -> Result) async throws -> Result {
        do {
            let result = try await work()
            for client in all { try await client.shutdown() }
            return result
        } catch {
            // The error that came first is the one to report.
            for client in all { try? await client.shutdown() }
            throw error
        }
    }

    private var all: [HTTPClient] { [direct] + proxied.values }
}
