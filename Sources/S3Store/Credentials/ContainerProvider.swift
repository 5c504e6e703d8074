/// Credentials of an ECS task or an EKS pod, from an address that the platform puts into the environment
/// (AWS SDKs and Tools Reference Guide, "Container credential provider").
struct ContainerProvider: CredentialProvider {
    let name = "container"
    let context: CredentialContext

    private static let ecs = "http://169.254.170.2"
    private static let attempts = 3

    func load() async throws -> ProviderResult {
        let text: String
        if let path = context.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            text = Self.ecs + path
        } else if let url = context.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            text = url
        } else {
            return .absent("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set")
        }
        let endpoint = ContainerEndpoint(text)
        guard endpoint.isAllowed else {
            throw CredentialError(
                .configuration,
                "The URL for container credentials is refused: over http only this machine and the "
                    + "addresses of ECS and EKS are asked, and neither user names nor odd characters are allowed.",
                advice: "Check AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_CREDENTIALS_RELATIVE_URI.")
        }
        guard endpoint.isHTTP else {
            throw CredentialError(
                .configuration, "The URL for container credentials is neither http nor https.",
                advice: "Check AWS_CONTAINER_CREDENTIALS_FULL_URI.")
        }
        let first = try await fetch(endpoint.url)
        return .found(ProvidedCredentials(initial: first, refresh: { try await fetch(endpoint.url) }))
    }

    private func fetch(_ url: String) async throws -> Credentials {
        let source = "the container's credential service"
        var headers = [(name: "Accept", value: "application/json")]
        // Read anew each time: EKS renews the token in the file.
        if let token = try await authorization() { headers.append(("Authorization", token)) }
        let document = try await answer(
            CredentialRequest(method: "GET", url: url, headers: headers, timeout: .seconds(2)))
        let credentials = try document.credentials(tokenName: "Token", provider: name, source: source)
        guard document.has("Token") else { throw CredentialDocument.missing("Token", source) }
        guard credentials.expiration != nil else { throw CredentialDocument.missing("Expiration", source) }
        return credentials
    }

    private func authorization() async throws -> String? {
        let token: String
        if let path = context.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            token = try await context.token(at: path, from: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        } else if let text = context.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            token = text
        } else {
            return nil
        }
        guard !token.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw CredentialError(
                .configuration,
                "The authorization token for container credentials holds a line break or another "
                    + "control character.",
                advice: "Check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE and AWS_CONTAINER_AUTHORIZATION_TOKEN.")
        }
        return token.isEmpty ? nil : token
    }

    /// Anything but a JSON object with status 200 is asked for again, a second later.
    private func answer(_ request: CredentialRequest) async throws -> CredentialDocument {
        var reason = ""
        for attempt in 1...Self.attempts {
            if attempt > 1 { try await context.sleep(.seconds(1)) }
            do {
                let response = try await context.http.send(request)
                guard response.status == 200 else {
                    reason = "it answered with status \(response.status)"
                    continue
                }
                guard let document = CredentialDocument(response.body) else {
                    reason = "its answer is not a JSON object"
                    continue
                }
                return document
            } catch let error as CredentialHTTPError {
                reason = "\(error)"
            }
        }
        throw CredentialError(
            .unreachable,
            "The container's credential service gave no credentials in \(Self.attempts) attempts: "
                + "\(reason).",
            advice:
                "Check the task role or pod identity, or unset AWS_CONTAINER_CREDENTIALS_FULL_URI and …_RELATIVE_URI.")
    }
}
