import Basics
import FoundationEssentials

/// The identity tokens that GitHub gives to a job: each says in which repository, branch and workflow it runs
/// (GitHub's documentation, "OpenID Connect reference").
struct GitHubTokens: Sendable {
    let context: CredentialContext
    /// Whether the address may be http: for tests on one machine.
    let allowInsecure: Bool

    private static let attempts = 5

    /// Asks for a new token.
    /// - Throws: ``CredentialError``, also where the job may not have one; `CancellationError`.
    func token(for audience: String) async throws -> String {
        guard let url = context.variable("ACTIONS_ID_TOKEN_REQUEST_URL"),
            let bearer = context.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        else {
            throw CredentialError(
                .configuration, "A role is to be assumed, but this job may not ask for an identity token.",
                advice: "Give it the permission `id-token: write`. Jobs of pull requests from forks never get one.")
        }
        context.onSecret(bearer)
        guard url.hasPrefix("https://") || allowInsecure && url.hasPrefix("http://") else {
            throw CredentialError(.configuration, "ACTIONS_ID_TOKEN_REQUEST_URL is no https address.")
        }
        let separator = url.contains("?") ? "&" : "?"
        let request = CredentialRequest(
            method: "GET", url: "\(url)\(separator)audience=\(PercentEncoding.encode(audience.utf8))",
            headers: [("authorization", "Bearer \(bearer)"), ("accept", "application/json")], timeout: .seconds(10))
        let answer = try await send(request)
        struct Answer: Decodable { let value: String }
        guard let token = try? JSONDecoder().decode(Answer.self, from: Data(answer.body)).value, token.utf8.count >= 4
        else {
            throw CredentialError(.invalidAnswer, "GitHub's answer to the request for an identity token holds none.")
        }
        context.onSecret(token)
        return token
    }

    /// Sends until there is an answer that another attempt would not change.
    private func send(_ request: CredentialRequest) async throws -> CredentialResponse {
        var number = 1
        while true {
            let problem: CredentialError
            var isThrottling = false
            switch try await answer(to: request) {
            case .success(let answer) where (200..<300).contains(answer.status): return answer
            case .success(let answer):
                // The answer's text is left out: it may repeat the request.
                problem = CredentialError(
                    .refused, "GitHub gave no identity token: status \(answer.status).",
                    advice: "Check the job's permission `id-token: write`.")
                isThrottling = answer.status == 429
                guard isThrottling || answer.status >= 500 else { throw problem }
            case .failure(let error):
                problem = CredentialError(.unreachable, "GitHub gave no identity token: \(error).")
            }
            guard number < Self.attempts else { throw problem }
            let delay = Backoff().delay(afterAttempt: number, isThrottling: isThrottling, random: context.random())
            try await context.sleep(.seconds(delay))
            number += 1
        }
    }

    private func answer(
        to request: CredentialRequest
    ) async throws -> Result<CredentialResponse, CredentialHTTPError> {
        do { return .success(try await context.http.send(request)) } catch let error as CredentialHTTPError {
            return .failure(error)
        }
    }
}
