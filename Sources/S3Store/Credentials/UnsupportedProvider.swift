/// Profiles that sign in through a browser: IAM Identity Center (SSO) and `aws login`. Holdfast has no browser; the AWS
/// command can lend its session.
struct UnsupportedProvider: CredentialProvider {
    let name: String
    private let profile: String
    private let isConfigured: Bool

    /// A profile for IAM Identity Center. The start URL alone does not make one.
    static func singleSignOn(_ profile: AWSProfile, of name: String) -> UnsupportedProvider {
        let settings = profile.settings(of: name)
        return UnsupportedProvider(
            name: "single sign-on", profile: name,
            isConfigured: settings.map { $0.has("sso_account_id") || $0.has("sso_role_name") } ?? false)
    }

    /// A profile for `aws login`.
    static func login(_ profile: AWSProfile, of name: String) -> UnsupportedProvider {
        UnsupportedProvider(
            name: "login session", profile: name,
            isConfigured: profile.settings(of: name)?.has("login_session") ?? false)
    }

    func load() async throws -> ProviderResult {
        guard isConfigured else { return .absent("profile “\(profile)” has none") }
        throw CredentialError(
            .unsupported, "The profile “\(profile)” uses a \(name), which Holdfast cannot open by itself.",
            advice: "Let the AWS command do it: make a second profile with the line "
                + "credential_process = aws configure export-credentials --profile \"\(profile)\"")
    }
}
