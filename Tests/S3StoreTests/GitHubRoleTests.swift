import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

@testable import S3Store

@Suite("A role that a job of GitHub Actions assumes")
struct GitHubRoleTests {
    private static let bearer = "request-token-0123456789"
    private static let environment = [
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://vstoken.example/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
    ]
    private static let role = GitHubRole(
        arn: "arn:aws:iam::123456789012:role/holdfast", sessionName: "GitHubActions", duration: 900)

    /// GitHub and the Security Token Service in memory, and all that was asked and told.
    private final class Services: Sendable {
        private struct State {
            var requests: [CredentialRequest] = []
            var secrets: [String] = []
            var waits = 0
        }
        private let state = NIOLockedValueBox(State())
        let clock = TestClock()
        let token: @Sendable (Int) throws -> CredentialResponse
        let lifetime: Double

        init(
            lifetime: Double = 3600,
            token: @escaping @Sendable (Int) throws -> CredentialResponse = {
                CredentialResponse(status: 200, body: Array(#"{"count":1,"value":"identity-token-\#($0)"}"#.utf8))
            }
        ) { (self.lifetime, self.token) = (lifetime, token) }

        var requests: [CredentialRequest] { state.withLockedValue { $0.requests } }
        var tokenRequests: [CredentialRequest] { requests.filter { $0.method == "GET" } }
        var stsForms: [String] {
            requests.filter { $0.method == "POST" }.map { String(decoding: $0.body, as: UTF8.self) }
        }
        var secrets: [String] { state.withLockedValue { $0.secrets } }
        var waits: Int { state.withLockedValue { $0.waits } }

        private func answer(_ request: CredentialRequest) throws -> CredentialResponse {
            let (number, known) = state.withLockedValue { state in
                state.requests.append(request)
                return (state.requests.count { $0.method == request.method }, state.secrets)
            }
            if request.method == "GET" { return try token(number) }
            // What is on its way has to be known to those who keep logs clean.
            let form = String(decoding: request.body, as: UTF8.self)
            #expect(known.contains { form.contains("WebIdentityToken=\($0)") })
            let end = Date.ISO8601FormatStyle().format(clock.now.addingTimeInterval(lifetime))
            return CredentialResponse(
                status: 200,
                body: Array(
                    """
                    <AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>
                    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/holdfast/GitHubActions</Arn></AssumedRoleUser>
                    <Credentials><AccessKeyId>ASIA\(number)</AccessKeyId><SecretAccessKey>s\(number)</SecretAccessKey>
                    <SessionToken>t\(number)</SessionToken><Expiration>\(end)</Expiration></Credentials>
                    </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
                    """.utf8))
        }

        func cache(
            _ role: GitHubRole = GitHubRoleTests.role, environment: [String: String] = GitHubRoleTests.environment,
            allowInsecure: Bool = false
        ) -> CredentialCache {
            CredentialCache(
                role,
                context: CredentialContext(
                    environment: environment, home: "/nowhere", readFile: { _ in nil },
                    http: AnsweringHTTP { try self.answer($0) }, now: { self.clock.now },
                    sleep: { _ in self.state.withLockedValue { $0.waits += 1 } }, random: { 0.5 },
                    onSecret: { secret in self.state.withLockedValue { $0.secrets.append(secret) } }),
                region: "eu-west-1", allowInsecureEndpoint: allowInsecure)
        }
    }

    @Test("The token of the job is traded for credentials")
    func trade() async throws {
        let services = Services()
        let found = try await services.cache().current()
        #expect(found.accessKeyID == "ASIA1" && found.secretAccessKey == "s1" && found.sessionToken == "t1")
        #expect(found.accountID == "123456789012")
        #expect(found.provider == "GitHub's identity token, role arn:aws:iam::123456789012:role/holdfast")
        let request = try #require(services.tokenRequests.first)
        #expect(request.url == "https://vstoken.example/token?api-version=2.0&audience=sts.amazonaws.com")
        #expect(request.headers.contains { $0 == ("authorization", "Bearer \(Self.bearer)") })
        #expect(services.requests.last?.url == "https://sts.eu-west-1.amazonaws.com/")
        #expect(services.requests.last?.headers.contains { $0.name.lowercased() == "authorization" } == false)
        let form = try #require(services.stsForms.first)
        for part in [
            "Action=AssumeRoleWithWebIdentity", "RoleSessionName=GitHubActions", "DurationSeconds=900",
            "WebIdentityToken=identity-token-1", "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fholdfast",
        ] { #expect(form.contains(part), "\(form)") }
        #expect(services.secrets == [Self.bearer, "identity-token-1"])
    }

    @Test("What the role does not say is left to the services")
    func defaults() async throws {
        let services = Services()
        _ = try await services.cache(GitHubRole(arn: Self.role.arn, audience: "https://a/b?c&d")).current()
        #expect(services.tokenRequests.first?.url.hasSuffix("&audience=https%3A%2F%2Fa%2Fb%3Fc%26d") == true)
        let form = try #require(services.stsForms.first)
        #expect(form.contains("RoleSessionName=holdfast-"))
        #expect(!form.contains("DurationSeconds"))
    }

    @Test("Before the credentials end, a new token is asked for, since the old one has long expired")
    func renewal() async throws {
        let services = Services()
        let cache = services.cache()
        #expect(try await cache.current().accessKeyID == "ASIA1")
        services.clock.advance(by: 1800)
        #expect(try await cache.current().accessKeyID == "ASIA1")
        services.clock.advance(by: 1500)
        #expect(try await cache.current().accessKeyID == "ASIA2")
        #expect(services.stsForms.last?.contains("WebIdentityToken=identity-token-2") == true)
    }

    @Test(
        "A job that may not have a token is told which permission is missing",
        arguments: ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"], [nil, ""])
    func noPermission(_ variable: String, value: String?) async throws {
        let services = Services()
        var environment = Self.environment
        environment[variable] = value
        let cache = services.cache(environment: environment)
        let error = await #expect(throws: CredentialError.self) { _ = try await cache.current() }
        #expect(error?.advice?.contains("id-token: write") == true)
        #expect(services.requests.isEmpty)
    }

    @Test("A token is asked for over https, and over http only if that is allowed")
    func insecure() async throws {
        var environment = Self.environment
        environment["ACTIONS_ID_TOKEN_REQUEST_URL"] = "http://127.0.0.1:1/token"
        let services = Services()
        let refused = services.cache(environment: environment)
        let error = await #expect(throws: CredentialError.self) { _ = try await refused.current() }
        #expect(error?.problem == "ACTIONS_ID_TOKEN_REQUEST_URL is no https address.")
        #expect(services.requests.isEmpty)
        let allowed = services.cache(environment: environment, allowInsecure: true)
        #expect(try await allowed.current().accessKeyID == "ASIA1")
        #expect(services.tokenRequests.first?.url == "http://127.0.0.1:1/token?audience=sts.amazonaws.com")
    }

    @Test("Trouble that may pass is tried again", arguments: [429, 500, 502, 503, 0])
    func again(_ status: Int) async throws {
        let services = Services { number in
            guard number < 3 else {
                return CredentialResponse(status: 200, body: Array(#"{"value":"identity-token"}"#.utf8))
            }
            if status == 0 { throw CredentialHTTPError.timedOut }
            return CredentialResponse(status: status)
        }
        #expect(try await services.cache().current().accessKeyID == "ASIA1")
        #expect(services.waits == 2)
    }

    @Test(
        "Trouble that stays ends after five attempts, and a refusal after one",
        arguments: [(503, 5), (403, 1), (404, 1)])
    func stays(_ status: Int, attempts: Int) async throws {
        let services = Services { _ in CredentialResponse(status: status, body: Array("no: \(Self.bearer)".utf8)) }
        let cache = services.cache()
        let error = await #expect(throws: CredentialError.self) { _ = try await cache.current() }
        #expect(error?.problem == "GitHub gave no identity token: status \(status).")
        #expect("\(String(describing: error))".contains(Self.bearer) == false)
        #expect(services.tokenRequests.count == attempts)
    }

    @Test(
        "An answer without a token is told, and not shown",
        arguments: ["", "{}", #"{"value":null}"#, #"{"value":""}"#, #"["secret-in-answer"]"#, "<html>secret-in-answer"])
    func noToken(_ body: String) async throws {
        let services = Services { _ in CredentialResponse(status: 200, body: Array(body.utf8)) }
        let cache = services.cache()
        let error = await #expect(throws: CredentialError.self) { _ = try await cache.current() }
        #expect(error?.code == .invalidAnswer)
        #expect("\(String(describing: error))".contains("secret-in-answer") == false)
        #expect(services.stsForms.isEmpty)
    }

    @Test("A real token service takes the token, on one machine with a stand-in for GitHub's")
    func realService() async throws {
        let server = try await TestServer.shared(.moto)
        try await StubServer.run {
            #expect($0.path == "/token" && $0.header("authorization") == "Bearer \(Self.bearer)")
            return .text(#"{"value":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJyZXBvOm93bmVyL3JlcG8ifQ."}"#)
        } _: { stub in
            let context = CredentialContext(
                environment: [
                    "ACTIONS_ID_TOKEN_REQUEST_URL": "\(stub.url)/token?api-version=2.0",
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": Self.bearer, "AWS_ENDPOINT_URL_STS": server.url,
                ], home: "/nowhere")
            let cache = CredentialCache(Self.role, context: context, region: "us-east-1", allowInsecureEndpoint: true)
            let found = try await cache.current()
            #expect(found.accessKeyID.hasPrefix("ASIA"))
            #expect(found.sessionToken?.isEmpty == false)
            let lifetime = try #require(found.expiration).timeIntervalSinceNow
            #expect((600...901).contains(lifetime))
        }
    }
}
