/// The list of `no_proxy`: hosts that are reached directly.
///
///     *                      every host
///     example.com            that host, and all hosts below it
///     .example.com           all hosts below it; so *.example.com
///     10.1.2.3, ::1, [::1]   an address
///     10.0.0.0/8, fd00::/8   a block of addresses
///     example.com:8443       as before, for one port
///
/// Commas or white space stand between them. What is none of this matches nothing.
struct NoProxyList: Sendable, Equatable {
    private var entries: [Entry] = []

    private struct Entry: Sendable, Equatable {
        enum Hosts: Equatable {
            case all
            /// - Parameter isIncluded: whether the host of this name is meant as well.
            case below(String, isIncluded: Bool)
            case block(IPAddress, bits: Int)
        }
        let hosts: Hosts
        /// `nil` for every port.
        let port: Int?
    }

    init(_ text: String) { entries = text.split { $0 == "," || $0.isWhitespace }.compactMap(Self.entry) }

    func contains(_ target: Target) -> Bool {
        entries.contains { entry in
            guard entry.port == nil || entry.port == target.port else { return false }
            switch (entry.hosts, target.host) {
            case (.all, _): return true
            case (.below(let name, let isIncluded), .name(let host)):
                return isIncluded && host == name || host.hasSuffix(".\(name)")
            case (.block(let block, let bits), .address(let address)):
                return block.bytes.count == address.bytes.count && address.isWithin(block.bytes, bits: bits)
            case (.below, .address), (.block, .name): return false
            }
        }
    }

    private static func entry(_ text: Substring) -> Entry? {
        if text == "*" { return Entry(hosts: .all, port: nil) }
        if let slash = text.firstIndex(of: "/") {
            guard case .address(let block) = Host(text[..<slash]), let bits = Int(text[text.index(after: slash)...]),
                (0...8 * block.bytes.count).contains(bits)
            else { return nil }
            return Entry(hosts: .block(block, bits: bits), port: nil)
        }
        guard let (host, port) = splitPort(text) else { return nil }
        switch Host(host) {
        case .address(let address):
            return Entry(hosts: .block(address, bits: 8 * address.bytes.count), port: port)
        case .name(let name):
            let prefix = name.hasPrefix("*.") ? 2 : name.hasPrefix(".") ? 1 : 0
            let domain = String(name.dropFirst(prefix))
            return domain.isEmpty ? nil : Entry(hosts: .below(domain, isIncluded: prefix == 0), port: port)
        }
    }

    /// Takes `host`, `host:port`, `[address]`, `[address]:port` and an IPv6 address without brackets apart.
    /// - Returns: `nil` if there is no host, or the port is no number.
    private static func splitPort(_ text: Substring) -> (host: Substring, port: Int?)? {
        var (host, rest) = (text, text[text.endIndex...])
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            (host, rest) = (text[..<end].dropFirst(), text[end...].dropFirst())
        } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
            (host, rest) = (text[..<colon], text[colon...])
        }
        guard !host.isEmpty else { return nil }
        if rest.isEmpty { return (host, nil) }
        guard rest.first == ":", !rest.contains("+"), let port = UInt16(rest.dropFirst()) else { return nil }
        return (host, Int(port))
    }
}
