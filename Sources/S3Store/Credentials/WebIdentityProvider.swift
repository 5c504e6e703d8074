import FoundationEssentials

/// A role that is assumed with the token of an identity provider, as in GitHub Actions or Kubernetes
/// (AWS SDKs and Tools Reference Guide, "Assume role with web identity").
struct WebIdentityProvider: CredentialProvider {
    let name = "web identity"
    let context: CredentialContext
    /// The profile whose settings count after the variables.
    let settings: AWSSettings?
    let usesEnvironment: Bool
    let sts: STSFactory

    func load() async throws -> ProviderResult {
        guard let path = value("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file"), !path.isEmpty else {
            return .absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        }
        guard let arn = value("AWS_ROLE_ARN", "role_arn"), !arn.isEmpty else {
            throw CredentialError(
                .incomplete, "A web identity token file is set, but no role to assume with it.",
                advice: "Set AWS_ROLE_ARN, or unset AWS_WEB_IDENTITY_TOKEN_FILE.")
        }
        let session = value("AWS_ROLE_SESSION_NAME", "role_session_name").flatMap { $0.isEmpty ? nil : $0 }
        let role = STSClient.Role(arn: arn, sessionName: session ?? context.sessionName)
        return .found(
            ProvidedCredentials(refresh: {
                // Read anew each time: whoever writes the file renews it long before the role's credentials end.
                let token = try await context.token(at: path, from: "AWS_WEB_IDENTITY_TOKEN_FILE")
                guard token.utf8.count >= 4 else {
                    throw CredentialError(
                        .configuration, "The web identity token file holds no token.",
                        advice: "Ask the identity provider for a new one.")
                }
                var credentials = try await sts.client().assumeRole(role, webIdentityToken: token)
                credentials.provider = "\(name), role \(arn)"
                return credentials
            }))
    }

    /// A variable that is set counts even if it is empty.
    private func value(_ variable: String, _ setting: String) -> String? {
        (usesEnvironment ? context.environment[variable] : nil) ?? settings?.plain(setting)
    }
}

/// Makes the client of the Security Token Service when it is needed: a wrong endpoint is no problem before.
struct STSFactory: Sendable {
    let context: CredentialContext
    let profile: AWSProfile
    let region: String?
    let allowInsecure: Bool

    func client() throws(CredentialError) -> STSClient {
        STSClient(
            context: context, endpoint: try STSEndpoint(profile, region: region, allowInsecure: allowInsecure))
    }
}

extension CredentialContext {
    /// The name of a role's session where none is given.
    var sessionName: String { "holdfast-\(Int(now().timeIntervalSince1970))" }
}
