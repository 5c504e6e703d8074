import Basics
import HTTPProxies

/// A custom endpoint, taken apart: `scheme://host[:port][/base/path]`.
///
/// Stricter than RFC 3986 on purpose: what two parsers could read differently is refused, so that the host that was
/// checked is the host that is contacted.
struct CustomEndpoint: Sendable, Equatable {
    /// `https` or `http`.
    let scheme: String
    /// In lower case, an IPv6 address in brackets.
    let host: String
    let port: Int?
    /// The base path without `.`, `..` and empty segments; it ends with `/` only if it was given so.
    let path: RequestPath
    /// The path as it starts every request to a bucket in the path: without `/` at its end.
    let bucketParent: RequestPath
    /// The address, if the host is one.
    let address: IPAddress?

    var authority: String { port.map { "\(host):\($0)" } ?? host }

    /// - Throws: ``EndpointError`` if the text is no URL of this form.
    init(_ text: String) throws(EndpointError) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            throw Self.invalid(text, "it holds a space, a backslash or a character that no URL can hold")
        }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw Self.invalid(text, "it has no scheme; write https://… in front")
        }
        scheme = text[..<colon].lowercased()
        guard scheme == "https" || scheme == "http" else { throw Self.invalid(text, "its scheme is not https") }
        let rest = text[colon...].dropFirst(3)
        guard !rest.contains("?"), !rest.contains("#") else {
            throw Self.invalid(text, "it has a query or fragment; remove all from “?” or “#”")
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        guard !rest[..<slash].contains("@") else {
            throw EndpointError(
                .unsafeEndpoint,
                "The endpoint holds a user name or password (hidden here)",
                hint: "Remove all between “://” and “@”; keys are taken from the environment, a profile or a role.")
        }
        (host, port) = try Self.hostAndPort(rest[..<slash].lowercased(), in: text)
        address = try Self.address(host, in: text)
        bucketParent = try Self.path(rest[slash...], in: text)
        path = rest.hasSuffix("/") ? bucketParent.withTrailingSlash : bucketParent
    }

    /// The presentable part of an endpoint, even an invalid one: nothing that may be a secret, and not too much.
    static func displayed(_ text: String) -> String {
        let start = text.firstIndex(of: "/").map { text[$0...].hasPrefix("//") ? $0 : text.startIndex }
        let authority = text[(start ?? text.startIndex)...].drop { $0 == "/" }.prefix { $0 != "/" }
        // `key:secret` without a host looks like `host:port`.
        let port = authority.contains("[") ? nil : authority.firstIndex(of: ":").map { authority[$0...].dropFirst() }
        guard !text.contains("@"), !text.lowercased().contains("%40"), port?.utf8.allSatisfy(HostLabel.isDigit) ?? true
        else { return "(hidden)" }
        let shown = text.unicodeScalars.prefix { $0 != "?" && $0 != "#" }.prefix(100)
        var printable = String.UnicodeScalarView()
        printable.append(contentsOf: shown.map { (0x20...0x7E).contains($0.value) ? $0 : "\u{FFFD}" })
        return "“\(String(printable))\(shown.count < text.unicodeScalars.count ? "…" : "")”"
    }

    static func invalid(_ text: String, _ reason: String) -> EndpointError {
        EndpointError(.endpoint, "The endpoint \(displayed(text)) cannot be used: \(reason)")
    }

    private static func hostAndPort(_ authority: String, in text: String) throws(EndpointError) -> (String, Int?) {
        var host = authority[...]
        var port: Int?
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            let digits = authority[colon...].dropFirst()
            guard digits.utf8.allSatisfy(HostLabel.isDigit), let value = Int(digits), (1...65535).contains(value) else {
                throw invalid(text, "its port is not a number from 1 to 65535")
            }
            port = value
            host = authority[..<colon]
        }
        guard !host.isEmpty else { throw invalid(text, "it has no host") }
        return (String(host), port)
    }

    private static func address(_ host: String, in text: String) throws(EndpointError) -> IPAddress? {
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), let address = IPAddress.ipv6(String(host.dropFirst().dropLast())) else {
                throw invalid(text, "what stands in brackets is no IPv6 address (a zone as “%eth0” cannot be used)")
            }
            return address
        }
        let labels = (host.hasSuffix(".") ? host.dropLast() : host[...])
            .split(separator: ".", omittingEmptySubsequences: false)
        guard host.utf8.count <= 253, labels.allSatisfy(isLabel) else {
            throw invalid(text, "its host is no host name")
        }
        if let address = IPAddress.legacyIPv4(labels.joined(separator: ".")) { return address }
        if let last = labels.last, last.utf8.allSatisfy(HostLabel.isDigit) || last.hasPrefix("0x") {
            throw invalid(text, "its host ends in a number and is no IPv4 address")
        }
        return nil
    }

    /// Underscores are no good in host names, but container networks use them.
    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy {
                HostLabel.isLetter($0) || HostLabel.isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
    }

    private static func path(_ text: Substring, in endpoint: String) throws(EndpointError) -> RequestPath {
        var segments: [[UInt8]] = []
        for segment in text.split(separator: "/") {
            guard let decoded = PercentEncoding.decode(segment) else {
                throw invalid(endpoint, "a “%” in its path is not followed by two hex digits")
            }
            if decoded == Array("..".utf8) {
                _ = segments.popLast()
            } else if decoded != Array(".".utf8) {
                segments.append(decoded)
            }
        }
        return segments.reduce(RequestPath.empty) { $0.appending(segment: $1) }
    }
}
