import NIOCore

/// What a connection leads to, as far as proxies are concerned.
struct Target {
    let scheme: String
    let host: Host
    let port: Int

    /// - Returns: `nil` for what is no `http` or `https` address.
    init?(_ url: String) {
        guard let colon = url.firstRange(of: "://") else { return nil }
        scheme = url[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        var authority = url[colon.upperBound...].prefix { !"/?#".contains($0) }
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        guard let (host, port) = splitPort(authority) else { return nil }
        self.host = Host(host)
        self.port = port ?? (scheme == "https" ? 443 : 80)
    }

    /// Whether it is this machine, or a link-local address (RFC 3927, RFC 4291 §2.5.6).
    var isAlwaysDirect: Bool {
        switch host {
        case .name(let name): name == "localhost" || name.hasSuffix(".localhost")
        case .address(let bytes) where bytes.count == 4:
            bytes[0] == 127 || bytes.starts(with: [169, 254]) || bytes == [0, 0, 0, 0]
        case .address(let bytes):
            bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] <= 1 || bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
        }
    }
}

/// A host of an address or of a list: a name in small letters, or the bytes of an IP address.
enum Host: Equatable {
    case name(String)
    case address([UInt8])

    /// - Parameter text: without brackets.
    init(_ text: Substring) {
        if let bytes = Self.bytes(text) {
            self = .address(bytes)
        } else {
            let name = text.lowercased()
            self = .name(name.hasSuffix(".") ? String(name.dropLast()) : name)
        }
    }

    /// The bytes of an IP address. An IPv4 address inside an IPv6 one is that IPv4 address (RFC 4291 §2.5.5.2).
    private static func bytes(_ text: Substring) -> [UInt8]? {
        guard let socket = try? SocketAddress(ipAddress: String(text), port: 0) else { return nil }
        switch socket {
        // The address follows family and port in a sockaddr_in, and the flow label too in a sockaddr_in6.
        case .v4(let address): return withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
        case .v6(let address):
            let bytes = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
            let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            return isMapped ? Array(bytes[12...]) : bytes
        case .unixDomainSocket: return nil
        }
    }
}

/// Takes `host`, `host:port`, `[address]` and `[address]:port` apart. An IPv6 address may stand without brackets, and then has no
/// port.
/// - Returns: `nil` if there is no host, or the port is no number of one.
func splitPort(_ text: Substring) -> (host: Substring, port: Int?)? {
    if text.first == "[" {
        guard let end = text.firstIndex(of: "]") else { return nil }
        let host = text[text.index(after: text.startIndex)..<end]
        let rest = text[text.index(after: end)...]
        guard !host.isEmpty, rest.isEmpty || rest.first == ":" else { return nil }
        return port(rest.dropFirst(), host)
    }
    guard let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon else {
        return text.isEmpty ? nil : (text, nil)
    }
    return port(text[text.index(after: colon)...], text[..<colon])
}

private func port(_ digits: Substring, _ host: Substring) -> (host: Substring, port: Int?)? {
    guard !host.isEmpty else { return nil }
    if digits.isEmpty { return (host, nil) }
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits), (1...65535).contains(port)
    else { return nil }
    return (host, port)
}
