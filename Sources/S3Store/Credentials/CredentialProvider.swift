/// A place where credentials may be.
protocol CredentialProvider: Sendable {
    /// For people: `environment`, `profile “x” in ~/.aws/config`.
    var name: String { get }
    /// Looks.
    /// - Throws: ``CredentialError`` if there is something that cannot be used; the search stops then.
    func load() async throws -> ProviderResult
}

/// Result of a look at a place.
enum ProviderResult: Sendable {
    case found(ProvidedCredentials)
    /// There is nothing, and why.
    case absent(String)
}

/// Credentials, and how to get newer ones from the same place.
struct ProvidedCredentials: Sendable {
    /// Already fetched; `nil` if the first fetch is still to come.
    var initial: Credentials?
    /// `nil` if they cannot change.
    var refresh: (@Sendable () async throws -> Credentials)?
}

extension Credentials {
    /// - Parameter source: for messages, as `the file '~/.aws/credentials'`.
    /// - Throws: ``CredentialError`` for parts that no request can carry: they would end, or forge, a header line.
    func checked(_ source: String) throws(CredentialError) -> Credentials {
        for (part, text) in [("access key id", accessKeyID), ("session token", sessionToken ?? "")]
        where text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            throw CredentialError(
                .configuration, "The \(part) from \(source) holds a line break or another control character.",
                advice: "Set it again, without anything before or behind it.")
        }
        return self
    }
}
