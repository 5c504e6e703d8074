import Foundation
import TestSupport
import Testing

@testable import Holdfast

/// From a run's identity token to a saved snapshot, as on GitHub; the server looks at the token's claims and at the role's
/// trust policy, but not at the token's signature.
@Suite("The printed trust policy")
struct TrustPolicyTests {
    private func token(subject: String, audience: String = "sts.amazonaws.com") throws -> String {
        func part(_ members: [String: Any]) throws -> String {
            try JSONSerialization.data(withJSONObject: members).base64EncodedString()
                .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        }
        let now = Int(Date().timeIntervalSince1970)
        let claims: [String: Any] = [
            "iss": "https://token.actions.githubusercontent.com", "sub": subject, "aud": audience, "iat": now,
            "exp": now + 600,
        ]
        return "\(try part(["alg": "RS256", "typ": "JWT"])).\(try part(claims)).AAAA"
    }

    @Test("Runs of the branch and the environment get the role, and with it a memory; others do not")
    func branches() async throws {
        try await RoleSandbox.run { roles in
            let role = try await ServerAdministrator(roles.server).makeRole(
                trust: try await roles.document("--print", "trust", "--branch", "main", "--environment", "prod"),
                policy: try await roles.document("--print", "iam"))
            var run = roles.owner
            run.environment["AWS_ACCESS_KEY_ID"] = nil
            run.environment["AWS_SECRET_ACCESS_KEY"] = nil
            run.environment["AWS_ROLE_ARN"] = role
            run.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = run.path("token")
            run.environment["AWS_ENDPOINT_URL_STS"] = roles.server.url
            try run.write("storage/a", "1")
            for (subject, audience, isTrusted) in [
                ("repo:owner/repo:ref:refs/heads/main", "sts.amazonaws.com", true),
                ("repo:owner/repo:environment:prod", "sts.amazonaws.com", true),
                ("repo:owner/repo:ref:refs/heads/main", "https://github.com/owner", false),
                ("repo:owner/repo:ref:refs/heads/other", "sts.amazonaws.com", false),
                ("repo:owner/repo:pull_request", "sts.amazonaws.com", false),
                ("repo:owner/repo2:ref:refs/heads/main", "sts.amazonaws.com", false),
            ] {
                try run.write("token", try token(subject: subject, audience: audience))
                let push = try await run.holdfast("push")
                #expect(push.code == (isTrusted ? 0 : 1), "\(subject): \(push.err)")
                #expect(push.err.contains("AccessDenied") != isTrusted, "\(push.err)")
            }
        }
    }
}
