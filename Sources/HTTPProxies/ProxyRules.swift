/// Which requests go through a proxy, as the environment says: `https_proxy`, `http_proxy` and `no_proxy`, in small letters or
/// in capitals, of which the small ones count first.
///
/// The rules are those that the AWS tools, Go's programs and GitHub's runner follow. A proxy is asked for a tunnel
/// (`CONNECT`, RFC 9110 §9.3.6), so it sees where a connection leads and nothing else of one by TLS. This machine and link-local
/// addresses, where clouds give out credentials, are never reached through a proxy.
public struct ProxyRules: Sendable, Equatable {
    private var setting: [String: Setting] = [:]
    private var exceptions = NoProxyList("")

    /// A variable's rule for the addresses of one scheme.
    private struct Setting: Sendable, Equatable {
        let variable: String
        let text: String
    }

    /// No proxy at all.
    public static let none = ProxyRules(environment: [:])

    /// - Parameter environment: all variables of the process. Nothing of it is checked before it is needed.
    public init(environment: [String: String]) {
        func value(_ name: String) -> Setting? {
            for variable in [name, name.uppercased()] {
                let text = environment[variable]?.split(whereSeparator: \.isWhitespace).joined(separator: " ") ?? ""
                if !text.isEmpty { return Setting(variable: variable, text: text) }
            }
            return nil
        }
        for scheme in ["http", "https"] { setting[scheme] = value("\(scheme)_proxy") }
        if let list = value("no_proxy") { exceptions = NoProxyList(list.text) }
    }

    /// The proxy that leads to an address.
    /// - Parameter url: an `http` or `https` address.
    /// - Returns: `nil` if it is reached directly.
    /// - Throws: ``ProxyError`` if the variable that counts holds no address of a proxy.
    public func proxy(for url: String) throws(ProxyError) -> HTTPProxy? {
        // Mostly there is none, and an address is taken apart for each request.
        guard !setting.isEmpty, let target = Target(url), let setting = setting[target.scheme], !target.isAlwaysDirect,
            !exceptions.contains(target)
        else { return nil }
        return try HTTPProxy(setting.text, variable: setting.variable)
    }

    /// All proxies that can be used, whatever for.
    public var proxies: Set<HTTPProxy> {
        Set(setting.values.compactMap { try? HTTPProxy($0.text, variable: $0.variable) })
    }
}
