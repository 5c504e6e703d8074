import FoundationEssentials

/// An address that is a secret: who knows it may read or write the archive. Its text is for requests only.
struct SignedURL: Sendable, CustomStringConvertible {
    let text: String

    /// - Returns: `nil` unless it is an http address with a host.
    init?(_ text: String) {
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
            url.host?.isEmpty == false
        else { return nil }
        self.text = text
    }

    var isSecure: Bool { text.lowercased().hasPrefix("https:") }

    /// The address with more parameters. The query is left as it is: decoding and encoding it again would break its
    /// signature.
    func appending(_ parameters: String) -> String { text + (text.contains("?") ? "&" : "?") + parameters }

    /// Where a redirect leads; `nil` if that is no usable address, or one without the protection that this one has.
    func redirected(to location: String) -> SignedURL? {
        guard let base = URL(string: text), let target = URL(string: location, relativeTo: base),
            let url = SignedURL(target.absoluteString), url.isSecure || !isSecure
        else { return nil }
        return url
    }

    /// The host alone.
    var description: String { URL(string: text)?.host ?? "?" }
}
