/// Credentials in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN`.
///
/// White space around the values is dropped: it comes from secrets that were pasted with a line break.
struct EnvironmentProvider: CredentialProvider {
    let name = "environment"
    let context: CredentialContext

    func load() async throws -> ProviderResult {
        guard let credentials = try read() else { return .absent("AWS_ACCESS_KEY_ID is not set") }
        return .found(ProvidedCredentials(initial: credentials, refresh: { credentials }))
    }

    private func read() throws(CredentialError) -> Credentials? {
        guard let accessKeyID = value("AWS_ACCESS_KEY_ID") else { return nil }
        guard let secret = value("AWS_SECRET_ACCESS_KEY") else {
            throw CredentialError(
                .incomplete, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not.",
                advice: "Set both, or unset both.")
        }
        var credentials = Credentials(
            accessKeyID: accessKeyID, secretAccessKey: secret,
            sessionToken: value("AWS_SECURITY_TOKEN") ?? value("AWS_SESSION_TOKEN"),
            accountID: value("AWS_ACCOUNT_ID"), provider: name)
        if let text = value("AWS_CREDENTIAL_EXPIRATION") {
            guard let time = expirationTime(text) else {
                throw CredentialError(
                    .configuration, "AWS_CREDENTIAL_EXPIRATION is not a time with a zone.",
                    advice: "Write it as 2030-01-31T12:00:00Z, or unset it.")
            }
            credentials.expiration = time
        }
        return try credentials.checked("the environment")
    }

    private func value(_ variable: String) -> String? {
        guard let text = context.environment[variable]?.unicodeScalars.trimmed, !text.isEmpty else { return nil }
        return String(text)
    }
}
