public import FoundationEssentials

/// A set of AWS credentials, and where it came from.
///
/// Its description shows the provider and the last four characters of the key id, never a secret.
public struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// The access key id, as `AKIA…`.
    public var accessKeyID: String
    /// The secret access key.
    public var secretAccessKey: String
    /// The session token of temporary credentials.
    public var sessionToken: String?
    /// When temporary credentials stop working; `nil` if they do not say.
    public var expiration: Date?
    /// The account that the credentials belong to, where the provider tells.
    public var accountID: String?
    /// The provider that answered, for people: `environment`, `profile "x"`, `web identity`, …
    public var provider: String

    public init(
        accessKeyID: String,
        secretAccessKey: String,
        sessionToken: String? = nil,
        expiration: Date? = nil,
        accountID: String? = nil,
        provider: String = "explicit"
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
        self.accountID = accountID
        self.provider = provider
    }

    public var description: String { "credentials …\(accessKeyID.suffix(4)) from \(provider)" }
    /// Nothing, so that neither `dump` nor a debugger's summary shows a secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
