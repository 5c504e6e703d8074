/// Keys of a profile that stand in one of the two files themselves. A pair is never put together from both.
struct ProfileFileProvider: CredentialProvider {
    let name: String
    private let profile: String
    private let path: String
    private let settings: AWSSettings?

    /// The keys of the credentials file.
    static func credentials(_ profile: AWSProfile, of name: String) -> ProfileFileProvider {
        ProfileFileProvider(
            name: "credentials file", profile: name, path: profile.credentialsFile.path,
            settings: profile.credentialsFile.profiles[name])
    }

    /// The keys of the config file.
    static func config(_ profile: AWSProfile, of name: String) -> ProfileFileProvider {
        ProfileFileProvider(
            name: "config file", profile: name, path: profile.configFile.path,
            settings: profile.configFile.profiles[name])
    }

    func load() async throws -> ProviderResult {
        guard let settings else { return .absent("\(path) has no profile “\(profile)”") }
        guard settings.has("aws_access_key_id") else {
            return .absent("profile “\(profile)” in \(path) has no aws_access_key_id")
        }
        let credentials = Credentials(
            accessKeyID: try required("aws_access_key_id", settings),
            secretAccessKey: try required("aws_secret_access_key", settings),
            sessionToken: text("aws_security_token", settings) ?? text("aws_session_token", settings),
            accountID: text("aws_account_id", settings), provider: "\(name), profile “\(profile)”")
        return .found(ProvidedCredentials(initial: try credentials.checked(path)))
    }

    private func required(_ option: String, _ settings: AWSSettings) throws(CredentialError) -> String {
        guard let value = text(option, settings) else {
            throw CredentialError(
                .incomplete, "The profile “\(profile)” in \(path) has keys, but no \(option).",
                advice: "Add it there; keys are not put together from two files.")
        }
        return value
    }

    private func text(_ option: String, _ settings: AWSSettings) -> String? {
        settings.plain(option).flatMap { $0.isEmpty ? nil : $0 }
    }
}
