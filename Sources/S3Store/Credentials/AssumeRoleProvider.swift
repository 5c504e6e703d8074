import FileIO

/// A role that a profile names (`role_arn`), assumed with the credentials of another profile (`source_profile`) or of
/// another place (`credential_source`; AWS SDKs and Tools Reference Guide, "Assume role credential provider").
///
/// The source may be a role itself, and so on; a loop is an error.
struct AssumeRoleProvider: CredentialProvider {
    let name = "role of the profile"
    let providers: CredentialProviders

    func load() async throws -> ProviderResult {
        let profile = providers.profile.name
        guard let settings = providers.profile.settings, Self.isRole(settings) else {
            return .absent("profile “\(profile)” has no role_arn")
        }
        return .found(try await role(settings, of: profile, visited: [profile]))
    }

    /// With a token file, the role is for ``WebIdentityProvider``.
    private static func isRole(_ settings: AWSSettings) -> Bool {
        settings.has("role_arn") && !settings.has("web_identity_token_file")
    }

    private func role(
        _ settings: AWSSettings, of profile: String, visited: [String]
    ) async throws -> ProvidedCredentials {
        if settings.has("mfa_serial") {
            throw CredentialError(
                .unsupported,
                "The role of profile “\(profile)” wants a code of an MFA device (mfa_serial), and there is "
                    + "nobody to ask for it.",
                advice: "Get a session first (aws sts get-session-token), or use a role without mfa_serial.")
        }
        let source: ProvidedCredentials
        switch (settings.plain("source_profile"), settings.plain("credential_source")) {
        case (let other?, nil): source = try await credentials(of: other, for: profile, visited: visited)
        case (nil, let place?): source = try await credentials(from: place, for: profile)
        case (nil, nil):
            throw CredentialError(
                .incomplete,
                "The profile “\(profile)” has a role_arn, but neither source_profile nor credential_source.",
                advice: "Add one of them.")
        default:
            throw CredentialError(
                .configuration, "The profile “\(profile)” has both source_profile and credential_source.",
                advice: "Remove one of them.")
        }
        let role = STSClient.Role(
            arn: settings.plain("role_arn") ?? "",
            sessionName: settings.plain("role_session_name").flatMap { $0.isEmpty ? nil : $0 }
                ?? providers.context.sessionName,
            externalID: try Self.externalID(settings, profile), duration: try Self.duration(settings, profile))
        let base = CredentialCache(source, context: providers.context)
        return ProvidedCredentials(refresh: { [sts = providers.sts] in
            var credentials = try await sts.client().assumeRole(role, with: base.current())
            credentials.provider = "\(name) “\(profile)”, \(printable(role.arn.utf8))"
            return credentials
        })
    }

    private func credentials(
        of source: String, for profile: String, visited: [String]
    ) async throws -> ProvidedCredentials {
        guard let settings = providers.profile.settings(of: source) else {
            throw CredentialError(
                .configuration, "The profile “\(profile)” names “\(source)” as source_profile, which does not exist.",
                advice: "Add that profile, or name another one.")
        }
        let hasKeys = settings.has("aws_access_key_id") || settings.has("aws_secret_access_key")
        // A profile may name itself, if it has keys.
        if visited.contains(source) && !(source == profile && hasKeys) {
            throw CredentialError(
                .configuration,
                "The profiles \((visited + [source]).map { "“\($0)”" }.joined(separator: " → ")) name "
                    + "each other as source_profile in a circle.",
                advice: "Let one of them have keys of its own.")
        }
        if !hasKeys && Self.isRole(settings) {
            return try await role(settings, of: source, visited: visited + [source])
        }
        for provider in providers.ofProfile(source, usesEnvironment: false) {
            if case .found(let credentials) = try await provider.load() { return credentials }
        }
        throw CredentialError(
            .incomplete, "The profile “\(profile)” names “\(source)” as source_profile, which has no credentials.",
            advice: "Add keys or a credential_process there, or name another profile.")
    }

    private func credentials(from place: String, for profile: String) async throws -> ProvidedCredentials {
        let provider: any CredentialProvider
        switch place {
        case "Environment": provider = providers.environment
        case "EcsContainer": provider = providers.container
        case "Ec2InstanceMetadata": provider = providers.instanceMetadata
        default:
            throw CredentialError(
                .configuration, "The credential_source of profile “\(profile)” is none that exists.",
                advice: "Write Environment, EcsContainer or Ec2InstanceMetadata.")
        }
        switch try await provider.load() {
        case .found(let credentials): return credentials
        case .absent(let reason):
            throw CredentialError(
                .incomplete, "The profile “\(profile)” names \(place) as credential_source, which has none: \(reason).",
                advice: "Provide them there, or name another source.")
        }
    }

    private static func externalID(_ settings: AWSSettings, _ profile: String) throws(CredentialError) -> String? {
        guard let id = settings.plain("external_id") else { return nil }
        guard (2...1224).contains(id.unicodeScalars.count) else {
            throw CredentialError(
                .configuration, "The external_id of profile “\(profile)” is not 2 to 1224 characters long.",
                advice: "Correct it, or leave it out.")
        }
        return id
    }

    /// Reads the duration. A text that is no number is ignored, as the AWS tools do; a number out of range is an error.
    private static func duration(_ settings: AWSSettings, _ profile: String) throws(CredentialError) -> Int? {
        guard let seconds = settings.plain("duration_seconds").flatMap({ Int($0) }) else { return nil }
        guard (900...43_200).contains(seconds) else {
            throw CredentialError(
                .configuration, "The duration_seconds of profile “\(profile)” are not 900 to 43200.",
                advice: "Correct them, or leave them out.")
        }
        return seconds
    }
}
