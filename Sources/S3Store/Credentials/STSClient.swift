import Basics
import Crypto
import FileIO
import FoundationEssentials
import NIOHTTP1

/// The two calls of the AWS Security Token Service that turn an identity into the credentials of a role
/// (AWS STS API Reference, `AssumeRole` and `AssumeRoleWithWebIdentity`).
struct STSClient: Sendable {
    let context: CredentialContext
    let endpoint: STSEndpoint

    /// The requested role, without the identity.
    struct Role: Sendable {
        /// 20 to 2048 characters.
        let arn: String
        /// 2 to 64 characters.
        let sessionName: String
        var externalID: String?
        /// Seconds.
        var duration: Int?
    }

    private static let attempts = 5

    /// Assumes a role with the credentials of a user or another role; the request is signed with them.
    func assumeRole(_ role: Role, with credentials: Credentials) async throws -> Credentials {
        var form = try Self.form("AssumeRole", role)
        if let externalID = role.externalID { form.append(("ExternalId", externalID)) }
        if let duration = role.duration { form.append(("DurationSeconds", "\(duration)")) }
        return try await call(.assumeRole, form, role, signedWith: credentials, secret: nil)
    }

    /// Assumes a role with a token of an identity provider; nothing is signed.
    func assumeRole(_ role: Role, webIdentityToken token: String) async throws -> Credentials {
        var form = try Self.form("AssumeRoleWithWebIdentity", role) + [("WebIdentityToken", token)]
        if let duration = role.duration { form.append(("DurationSeconds", "\(duration)")) }
        return try await call(.assumeRoleWithWebIdentity, form, role, signedWith: nil, secret: token)
    }

    private static func form(_ action: String, _ role: Role) throws(CredentialError) -> [(String, String)] {
        guard (20...2048).contains(role.arn.unicodeScalars.count) else {
            throw CredentialError(
                .configuration, "The ARN of the role to assume is not 20 to 2048 characters long.",
                advice: "Write it as arn:aws:iam::123456789012:role/NAME.")
        }
        guard (2...64).contains(role.sessionName.unicodeScalars.count) else {
            throw CredentialError(
                .configuration,
                "The session name for the role \(printable(role.arn.utf8)) is not 2 to 64 characters long.",
                advice: "Correct AWS_ROLE_SESSION_NAME or role_session_name, or leave it out.")
        }
        return [
            ("Action", action), ("Version", "2011-06-15"), ("RoleArn", role.arn),
            ("RoleSessionName", role.sessionName),
        ]
    }

    private func call(
        _ operation: ServiceOperation, _ form: [(String, String)], _ role: Role, signedWith credentials: Credentials?,
        secret: String?
    ) async throws -> Credentials {
        let body = Array(form.map { "\($0)=\(PercentEncoding.encode($1.utf8))" }.joined(separator: "&").utf8)
        let classifier = RetryClassifier(maximumAttempts: Self.attempts, throttlingStatuses: [429])
        var number = 1
        while true {
            let failure: FailedAttempt
            let reason: CredentialError
            do {
                return try await attempt(operation, body, signedWith: credentials, secret: secret)
            } catch let error as ServiceError where !(200..<300).contains(error.status) {
                failure = FailedAttempt(error, number: number)
                reason = refusal(error, role, secret)
            } catch let error as ServiceError {
                throw refusal(error, role, secret)
            } catch let error as CredentialHTTPError {
                failure = FailedAttempt(operation, error == .timedOut ? .readTimeout : .connection, number: number)
                reason = CredentialError(
                    .unreachable,
                    "The role \(printable(role.arn.utf8)) could not be assumed: no answer from "
                        + "\(endpoint.authority): \(error).", advice: "Check the network and the region.")
            }
            let verdict = classifier.judge(failure)
            guard verdict.isRetryable else { throw reason }
            let delay = Backoff().delay(
                afterAttempt: number, isThrottling: verdict.isThrottling, random: context.random())
            try await context.sleep(.seconds(delay))
            number += 1
        }
    }

    private func attempt(
        _ operation: ServiceOperation, _ body: [UInt8], signedWith credentials: Credentials?, secret: String?
    ) async throws -> Credentials {
        var request = SignableRequest(
            method: "POST", scheme: endpoint.scheme, authority: endpoint.authority, path: endpoint.path,
            headers: [("content-type", "application/x-www-form-urlencoded; charset=utf-8")])
        if let credentials {
            let hash = String(decoding: SigV4.hex(SHA256.hash(data: body)), as: UTF8.self)
            let signature = SigV4Signer(region: endpoint.signingRegion, service: "sts")
                .sign(request, payload: .sha256(hash), credentials: credentials, date: context.now())
            request.headers += signature.headers.filter { !SigV4.isSameHeader($0.name, "host") }
        }
        request.headers.append(("accept", "text/xml"))
        let answer = try await context.http.send(
            CredentialRequest(
                method: "POST", url: request.url, headers: request.headers, body: body, timeout: .seconds(5)))
        let role = try ServiceResponse(
            operation: operation, status: answer.status, headers: HTTPHeaders(answer.headers), body: answer.body
        ).document(AssumedRole.self)
        var result = role.credentials
        // arn:aws:sts::123456789012:assumed-role/…
        let parts = (role.arn ?? "").split(separator: ":", omittingEmptySubsequences: false)
        if parts.count > 5, !parts[4].isEmpty { result.accountID = String(parts[4]) }
        return try result.checked("the Security Token Service")
    }

    private func refusal(_ error: ServiceError, _ role: Role, _ secret: String?) -> CredentialError {
        var text = "\(error)"
        // The service has no reason to repeat the token, and a stand-in for it might.
        if let secret, text.contains(secret) { text = "\(error.operation) failed: status \(error.status)" }
        return CredentialError(
            error.status < 300 ? .invalidAnswer : .refused,
            "The role \(printable(role.arn.utf8)) could not be assumed: \(text).",
            advice: error.code.flatMap(Self.advice), serviceCode: error.code)
    }

    private static func advice(_ code: String) -> String? {
        switch code {
        case "AccessDenied":
            "Check that the role's trust policy names this identity, and that this identity may assume it."
        case "ExpiredToken", "ExpiredTokenException":
            "The token has expired. Ask for a new one right before it is used; in GitHub Actions one lives 5 minutes."
        case "InvalidIdentityToken", "IDPRejectedClaim":
            "Check the identity provider in IAM, the audience of the token, and that it comes from this provider."
        case "InvalidClientTokenId", "SignatureDoesNotMatch": "Check the keys that the role is assumed with."
        case "RegionDisabledException": "Activate the region in IAM's account settings, or choose another one."
        default: nil
        }
    }
}
