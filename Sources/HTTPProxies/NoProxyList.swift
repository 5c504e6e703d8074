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
            case block([UInt8], bits: Int)
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
            case (.block(let bytes, let bits), .address(let address)):
                return bytes.count == address.count && agree(bytes, address, bits: bits)
            case (.below, .address), (.block, .name): return false
            }
        }
    }

    private static func entry(_ text: Substring) -> Entry? {
        if text == "*" { return Entry(hosts: .all, port: nil) }
        if let slash = text.firstIndex(of: "/") {
            guard case .address(let bytes) = Host(text[..<slash]), let bits = Int(text[text.index(after: slash)...]),
                (0...8 * bytes.count).contains(bits)
            else { return nil }
            return Entry(hosts: .block(bytes, bits: bits), port: nil)
        }
        guard let (host, port) = splitPort(text) else { return nil }
        switch Host(host) {
        case .address(let bytes): return Entry(hosts: .block(bytes, bits: 8 * bytes.count), port: port)
        case .name(let name):
            let prefix = name.hasPrefix("*.") ? 2 : name.hasPrefix(".") ? 1 : 0
            let domain = String(name.dropFirst(prefix))
            return domain.isEmpty ? nil : Entry(hosts: .below(domain, isIncluded: prefix == 0), port: port)
        }
    }
}

/// Whether two addresses begin with the same bits.
private func agree(_ a: [UInt8], _ b: [UInt8], bits: Int) -> Bool {
    let (whole, rest) = (bits / 8, bits % 8)
    guard a[..<whole] == b[..<whole] else { return false }
    return rest == 0 || (a[whole] ^ b[whole]) >> UInt8(8 - rest) == 0
}
