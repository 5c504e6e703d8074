import Basics

/// The parts of an HTTP request that a signature covers.
///
/// The wire form (``url``, ``target``) and the canonical form are both made from this one value.
struct SignableRequest: Sendable {
    /// The HTTP method; its case does not matter.
    var method: String
    /// `https` or `http`.
    var scheme: String
    /// Host and port, as they stand in the URL.
    var authority: String
    /// The encoded path.
    var path: RequestPath
    /// Decoded query names and values in the order of the URL; a `nil` value is sent without `=`.
    var query: [(name: String, value: String?)]
    /// The headers that are known before signing. `Host` may be among them and then replaces the one of the URL.
    var headers: [(name: String, value: String)]

    init(
        method: String,
        scheme: String = "https",
        authority: String,
        path: RequestPath,
        query: [(name: String, value: String?)] = [],
        headers: [(name: String, value: String)] = []
    ) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.query = query
        self.headers = headers
    }

    /// The URL as it goes over the wire. Never parse and print it again: `URL` and `URLComponents` re-encode.
    var url: String { "\(scheme)://\(authority)\(target)" }

    /// Path and query as they go over the wire.
    var target: String {
        var text = Array((path.text.isEmpty ? "/" : path.text).utf8)
        for (index, item) in query.enumerated() {
            text.append(index == 0 ? UInt8(ascii: "?") : UInt8(ascii: "&"))
            PercentEncoding.append(item.name.utf8, to: &text)
            if let value = item.value {
                text.append(UInt8(ascii: "="))
                PercentEncoding.append(value.utf8, to: &text)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The `Host` header: the authority in lower case, without the default port of the scheme.
    ///
    /// Proxies and servers see the header in this form whatever the user typed, so this form has to be signed.
    var host: String {
        let host = authority.lowercased()
        guard let colon = host.lastIndex(of: ":"), host.last != "]", !host[colon...].contains("]") else { return host }
        guard let port = Int(host[host.index(after: colon)...]) else { return String(host[..<colon]) }
        let isDefault = port == (scheme.lowercased() == "https" ? 443 : 80)
        return isDefault ? String(host[..<colon]) : "\(host[..<colon]):\(port)"
    }
}
