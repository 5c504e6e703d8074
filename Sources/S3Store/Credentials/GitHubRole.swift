/// A role that a job of GitHub Actions assumes with the identity token that GitHub gives to it (GitHub's documentation,
/// "Configuring OpenID Connect in Amazon Web Services").
///
/// Nothing secret is in it. Each time credentials are needed, a new token is asked for and traded in: a token lives for
/// minutes and a session for an hour, but a job may take longer.
public struct GitHubRole: Sendable, Equatable {
    /// `arn:aws:iam::123456789012:role/NAME`.
    public var arn: String
    /// The session's name in AWS's logs; `nil` for a name of Holdfast's.
    public var sessionName: String?
    /// Whom the token is for: what the identity provider in IAM lists.
    public var audience: String
    /// How long the credentials live, in seconds, 900 to 43,200; `nil` for what the service does without it (an hour).
    public var duration: Int?

    public init(
        arn: String, sessionName: String? = nil, audience: String = "sts.amazonaws.com", duration: Int? = nil
    ) {
        self.arn = arn
        self.sessionName = sessionName
        self.audience = audience
        self.duration = duration
    }
}

extension CredentialCache {
    /// Keeps the credentials of a role that this job of GitHub Actions assumes, and fetches newer ones in time.
    /// - Parameters:
    ///   - context: its environment has what GitHub gives to a job; its `onSecret` is told of every token.
    ///   - region: for the Security Token Service.
    ///   - allowInsecureEndpoint: whether the services may be http or local.
    public convenience init(
        _ role: GitHubRole, context: CredentialContext, region: String?, allowInsecureEndpoint: Bool = false
    ) {
        self.init(context: context) {
            let sts = STSFactory(
                context: context, profile: try await AWSProfile.load(context), region: region,
                allowInsecure: allowInsecureEndpoint)
            let provider = GitHubRoleProvider(
                role: role, sts: sts, tokens: GitHubTokens(context: context, allowInsecure: allowInsecureEndpoint))
            return ProvidedCredentials(refresh: { try await provider.credentials() })
        }
    }
}

/// Trades a new identity token for the credentials of a role.
struct GitHubRoleProvider: Sendable {
    let role: GitHubRole
    let sts: STSFactory
    let tokens: GitHubTokens

    func credentials() async throws -> Credentials {
        let client = try sts.client()
        let token = try await tokens.token(for: role.audience)
        var credentials = try await client.assumeRole(
            STSClient.Role(
                arn: role.arn, sessionName: role.sessionName ?? tokens.context.sessionName, duration: role.duration),
            webIdentityToken: token)
        credentials.provider = "GitHub's identity token, role \(role.arn)"
        return credentials
    }
}
