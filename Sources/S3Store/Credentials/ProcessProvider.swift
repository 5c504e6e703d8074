import FileIO

/// Credentials that a program prints (`credential_process`; AWS SDKs and Tools Reference Guide, "Process credential
/// provider").
struct ProcessProvider: CredentialProvider {
    let name = "credential process"
    let context: CredentialContext
    let profile: String
    let settings: AWSSettings?

    func load() async throws -> ProviderResult {
        guard let settings, settings.has("credential_process") else {
            return .absent("profile “\(profile)” names none")
        }
        // Without a look for comments: the line is a command, and may hold anything.
        guard let words = settings.raw("credential_process").flatMap(shellWords), !words.isEmpty else {
            throw CredentialError(
                .configuration,
                "The credential_process of profile “\(profile)” is empty or has an open quotation mark.",
                advice: "Write the program with its full path, and quote what has blanks.")
        }
        let first = try await run(words, settings)
        guard first.expiration != nil else { return .found(ProvidedCredentials(initial: first)) }
        return .found(ProvidedCredentials(initial: first, refresh: { try await run(words, settings) }))
    }

    private func run(_ words: [String], _ settings: AWSSettings) async throws -> Credentials {
        let program = "'\(printable(words[0].utf8))'"
        let result: CredentialProcessResult
        do {
            result = try await context.process.run(words, environment: context.environment)
        } catch let error as CredentialProcessError {
            throw CredentialError(
                .process, "The credential_process \(program) of profile “\(profile)” could not be run: \(error).",
                advice: "Run it by hand to see what is wrong.")
        }
        guard result.status == 0 else {
            let said = redactedMessage(result.errorOutput)
            throw CredentialError(
                .process,
                "The credential_process \(program) of profile “\(profile)” ended with status \(result.status)"
                    + (said.isEmpty ? "." : ": \(said)"), advice: "Run it by hand to see what is wrong.")
        }
        let source = "the credential_process \(program)"
        guard let document = CredentialDocument(result.output) else {
            throw CredentialError(.invalidAnswer, "The output of \(source) is not a JSON object.")
        }
        guard document.version == 1 else {
            throw CredentialError(.invalidAnswer, "The output of \(source) does not say \"Version\": 1.")
        }
        var credentials = try document.credentials(
            tokenName: "SessionToken", provider: "\(name), profile “\(profile)”", source: source)
        credentials.accountID = credentials.accountID ?? settings.plain("aws_account_id")
        return credentials
    }
}

/// What a program said on its error output, fit for a message: one line of limited length, without words that may be keys
/// or tokens.
func redactedMessage(_ bytes: [UInt8]) -> String {
    let words = String(decoding: bytes.prefix(4096), as: UTF8.self).split { $0.isWhitespace }.map { word in
        let isOpaque = word.utf8.count >= 16 && word.contains { $0.isNumber } && word.contains { $0.isLetter }
        return isOpaque && !word.hasPrefix("/") ? "…" : printable(word.utf8)
    }
    let text = words.joined(separator: " ")
    return text.count > 300 ? text.prefix(300) + "…" : text
}
