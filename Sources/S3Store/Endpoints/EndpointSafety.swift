import HTTPProxies

/// Refuses custom endpoints that would leak credentials or data.
///
/// Signed requests carry the name of a key and the contents of a memory. A setting that somebody else may have
/// written (a workflow input, a checked-in file) must not direct them to a plaintext channel, to the machine's own
/// network or to the metadata service of a cloud.
enum EndpointSafety {
    /// Checks an endpoint by its text alone, before any name is resolved.
    /// - Parameter allowInsecure: whether http and private or loopback addresses are allowed.
    /// - Throws: ``EndpointError`` with the code `unsafeEndpoint`.
    static func check(_ endpoint: CustomEndpoint, allowInsecure: Bool) throws(EndpointError) {
        switch reach(of: endpoint) {
        case .never(let reason):
            throw EndpointError(
                .unsafeEndpoint, "The endpoint host \(endpoint.host) is refused: it is \(reason)",
                hint: "Nothing can allow it."
            )
        case .local(let reason) where !allowInsecure:
            throw refused("The endpoint host \(endpoint.host) is \(reason)")
        case .local, .open:
            break
        }
        if let dotted = endpoint.address?.dotted, dotted != endpoint.host {
            throw EndpointError(
                .unsafeEndpoint,
                "The endpoint host \(endpoint.host) is an unusual spelling of an address", hint: "Write \(dotted).")
        }
        if endpoint.scheme != "https", !allowInsecure {
            throw refused("The endpoint \(endpoint.scheme)://\(endpoint.authority) is not encrypted")
        }
    }

    private enum Reach {
        /// Nothing speaks against it.
        case open
        /// This machine or its network: fine for a test server, if the user says so.
        case local(String)
        /// No store can be there, but something else may.
        case never(String)
    }

    private static func refused(_ problem: String) -> EndpointError {
        EndpointError(
            .unsafeEndpoint, problem,
            hint: "Use an https URL of a public host, or pass --allow-insecure-endpoint if this is meant.")
    }

    private static func reach(of endpoint: CustomEndpoint) -> Reach {
        if let address = endpoint.address { return reach(of: address) }
        let name = endpoint.host.hasSuffix(".") ? String(endpoint.host.dropLast()) : endpoint.host
        if metadataNames.contains(name) { return .never("the name of a cloud's metadata service") }
        if loopbackNames.contains(name) || name.hasSuffix(".localhost") { return .local("this machine") }
        return .open
    }

    private static let metadataNames: Set<String> = [
        "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
        "metadata.azure.internal",
    ]
    private static let loopbackNames: Set<String> = [
        "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback",
    ]

    private static func reach(of address: IPAddress) -> Reach {
        if let inner = address.embeddedIPv4 {
            // A carried address is as dangerous as itself, and no address of a store.
            if case .open = reach(of: inner) { return .local("an IPv4 address inside an IPv6 one") }
            return reach(of: inner)
        }
        let rules =
            switch address {
            case .v4: ipv4Rules
            case .v6: ipv6Rules
            }
        return rules.first { address.isWithin($0.prefix, bits: $0.bits) }?.reach ?? .open
    }

    private typealias Rule = (prefix: [UInt8], bits: Int, reach: Reach)

    /// From the IANA special-purpose registry (RFC 6890), and the metadata services of the large clouds.
    private static let ipv4Rules: [Rule] = [
        ([169, 254], 16, .never("a link-local address, where metadata services give out credentials")),
        ([100, 100, 100, 200], 32, .never("the address of a metadata service")),
        ([192, 0, 0, 192], 32, .never("the address of a metadata service")),
        ([168, 63, 129, 16], 32, .never("the address of a metadata service")),
        ([224], 3, .never("a multicast or reserved address")),
        ([127], 8, .local("this machine")),
        ([0], 8, .local("the unspecified address, which means this machine")),
        ([10], 8, .local("a private address")),
        ([172, 16], 12, .local("a private address")),
        ([192, 168], 16, .local("a private address")),
        ([100, 64], 10, .local("a private address")),
        ([198, 18], 15, .local("a private address")),
    ]

    private static let ipv6Rules: [Rule] = [
        ([0xFE, 0x80], 10, .never("a link-local address")),
        ([0xFD, 0, 0x0E, 0xC2], 32, .never("an address of a metadata service")),
        (
            [0xFD, 0x20, 0, 0xCE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54], 128,
            .never("the address of a metadata service")
        ),
        ([0xFF], 8, .never("a multicast address")),
        ([], 128, .local("the unspecified address, which means this machine")),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128, .local("this machine")),
        ([0xFC], 7, .local("a private address")),
        ([0xFE, 0xC0], 10, .local("a private address")),
    ]
}
