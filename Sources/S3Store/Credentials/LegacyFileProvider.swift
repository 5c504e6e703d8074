/// Files of tools that came before the AWS command: the one that `AWS_CREDENTIAL_FILE` names, and Boto 2's configuration.
struct LegacyFileProvider: CredentialProvider {
    let name = "legacy files"
    let context: CredentialContext

    func load() async throws -> ProviderResult {
        for find in [credentialFile, boto] {
            if let credentials = try await find() { return .found(ProvidedCredentials(initial: credentials)) }
        }
        return .absent("AWS_CREDENTIAL_FILE is not set, and /etc/boto.cfg and ~/.boto have none")
    }

    /// Lines of `AWSAccessKeyId=…` and `AWSSecretKey=…`.
    private func credentialFile() async throws -> Credentials? {
        guard let path = context.environment["AWS_CREDENTIAL_FILE"] else { return nil }
        let text = try await context.token(at: context.expanded(path), from: "AWS_CREDENTIAL_FILE")
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let sign = line.firstIndex(of: "=") else { continue }
            let name = String(line[..<sign].unicodeScalars.trimmed)
            values[name] = String(line[line.index(after: sign)...].unicodeScalars.trimmed)
        }
        return try credentials(
            values["AWSAccessKeyId"], values["AWSSecretKey"], token: nil, file: "the file of AWS_CREDENTIAL_FILE")
    }

    private func boto() async throws -> Credentials? {
        let paths = context.environment["BOTO_CONFIG"].map { [$0] } ?? ["/etc/boto.cfg", "~/.boto"]
        for path in paths {
            let expanded = context.expanded(path)
            guard let bytes = try await context.contents(of: expanded, from: path) else { continue }
            let file = try AWSConfigFile(bytes, path: expanded)
            guard let settings = file.credentialProfiles["Credentials"] else { continue }
            let found = try credentials(
                settings.plain("aws_access_key_id"), settings.plain("aws_secret_access_key"),
                token: settings.plain("aws_security_token"), file: "[Credentials] in \(file.path)")
            if let found { return found }
        }
        return nil
    }

    private func credentials(
        _ key: String?, _ secret: String?, token: String?, file: String
    ) throws(CredentialError) -> Credentials? {
        guard let key else { return nil }
        guard let secret, !key.isEmpty, !secret.isEmpty else {
            throw CredentialError(
                .incomplete, "There is only one half of a pair of keys in \(file).",
                advice: "Add the other, or remove it.")
        }
        return try Credentials(
            accessKeyID: key, secretAccessKey: secret, sessionToken: token.flatMap { $0.isEmpty ? nil : $0 },
            provider: name
        ).checked(file)
    }
}
