import HTTPProxies
import NIOCore

/// The URL from which a container gets its credentials, and whether it may be asked.
///
/// The variable with the URL may have been set by somebody else, and the request carries a token. So over plain http only
/// the addresses of ECS and EKS and this machine itself are asked (AWS SDKs and Tools Reference Guide, "Container
/// credential provider"); over https any host is.
struct ContainerEndpoint: Sendable, Equatable {
    /// The URL without fragment, as it is requested.
    let url: String
    let isAllowed: Bool

    private static let hosts: Set<String> = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"]

    /// - Returns: a URL that is not allowed for anything that two parsers may read differently.
    init(_ text: String) {
        let whole = text.prefix { $0 != "#" }
        url = String(whole)
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }
        guard isPlain, let slashes = Self.authorityStart(whole) else {
            isAllowed = false
            return
        }
        let authority = whole[slashes...].prefix { $0 != "/" && $0 != "?" }
        let scheme = whole[..<slashes].lowercased()
        isAllowed = scheme == "https://" || Self.host(authority).map(Self.isNear) ?? false
    }

    /// Whether the scheme is one that can be spoken.
    var isHTTP: Bool { ["http://", "https://"].contains { url.lowercased().hasPrefix($0) } }

    /// Where the host begins: behind the first `//`, which follows the scheme.
    private static func authorityStart(_ text: Substring) -> Substring.Index? {
        let scheme = text.prefix { $0 != ":" && $0 != "/" }
        let rest = text[scheme.endIndex...]
        guard rest.hasPrefix("://") || (scheme.isEmpty && rest.hasPrefix("//")) else { return nil }
        return text.index(scheme.endIndex, offsetBy: rest.hasPrefix("//") ? 2 : 3)
    }

    /// The host in lower case, without brackets; `nil` with a user name, or with a port that is none.
    private static func host(_ authority: Substring) -> String? {
        var host = authority
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            let port = authority[colon...].dropFirst()
            guard port.utf8.allSatisfy(HostLabel.isDigit), port.isEmpty || UInt16(port) != nil else { return nil }
            host = authority[..<colon]
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
            guard IPAddress.ipv6(String(host)) != nil else { return nil }
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty || host.contains("@") ? nil : host.lowercased()
    }

    private static func isNear(_ host: String) -> Bool {
        if hosts.contains(host) { return true }
        if let address = IPAddress.ipv6(host) { return address == .v6(Array(repeating: 0, count: 15) + [1]) }
        // Only the usual spelling: what `127.1` means is for a resolver to say.
        guard let address = IPAddress.legacyIPv4(host), address.dotted == host, case .v4(let bytes) = address else {
            return false
        }
        return bytes[0] == 127
    }
}
