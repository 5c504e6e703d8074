import FoundationEssentials

/// The end point of a connection, as far as proxies are concerned.
struct Target {
    let scheme: String
    let host: Host
    let port: Int

    /// - Returns: `nil` for what is no `http` or `https` address.
    init?(_ url: String) {
        guard let url = URL(string: url, encodingInvalidCharacters: false), let scheme = url.scheme?.lowercased(),
            let standard = ["http": 80, "https": 443][scheme], let host = url.host(percentEncoded: true), !host.isEmpty
        else { return nil }
        (self.scheme, self.host, port) = (scheme, Host(host), url.port ?? standard)
    }

    /// Whether it is this machine, or a link-local address (RFC 3927, RFC 4291 §2.5.6).
    var isAlwaysDirect: Bool {
        switch host {
        case .name(let name): name == "localhost" || name.hasSuffix(".localhost")
        case .address(.v4(let bytes)):
            bytes[0] == 127 || bytes.starts(with: [169, 254]) || bytes.allSatisfy { $0 == 0 }
        case .address(let address): address.isWithin([], bits: 127) || address.isWithin([0xFE, 0x80], bits: 10)
        }
    }
}

/// A host of an address or of a list: a name in small letters, or an IP address.
enum Host: Sendable, Equatable {
    case name(String)
    case address(IPAddress)

    /// - Parameter text: an IPv6 address has no brackets.
    init(_ text: some StringProtocol) {
        if let address = IPAddress.ipv6(String(text)) ?? IPAddress.legacyIPv4(String(text)) {
            self = .address(address.embeddedIPv4 ?? address)
        } else {
            let name = text.lowercased()
            self = .name(name.hasSuffix(".") ? String(name.dropLast()) : name)
        }
    }
}
