import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

@testable import S3Store

@Suite("Credential chain")
struct CredentialChainTests {
    private static let answer = """
        <AssumeRoleResponse><AssumeRoleResult>
          <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser>
          <Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
          <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
        </AssumeRoleResult></AssumeRoleResponse>
        """
    private static let silence = AnsweringHTTP { _ in throw CredentialHTTPError.unreachable("no route") }

    private func context(
        _ environment: [String: String] = [:], files: [String: String] = [:], http: any CredentialHTTP = silence,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { _ in },
        onResolve: @escaping @Sendable (Credentials) -> Void = { _ in }
    ) -> CredentialContext {
        CredentialContext(
            environment: environment, home: "/home/runner", readFile: { path in files[path].map { Array($0.utf8) } },
            http: http, sleep: sleep, random: { 0.5 }, onResolve: onResolve)
    }

    private func find(_ context: CredentialContext, profile: String? = nil) async throws -> Credentials {
        try await CredentialCache(CredentialChain(context, profile: profile)).current()
    }

    @Test("takes explicit credentials without looking at anything")
    func explicit() async throws {
        let given = credentials("GIVEN")
        let broken = context(["AWS_ACCESS_KEY_ID": "x"], files: ["/home/runner/.aws/config": "broken"])
        #expect(try await CredentialCache(CredentialChain(broken, explicit: given)).current() == given)
    }

    @Test("lists every place where it looked in vain")
    func nothing() async throws {
        let error = await #expect(throws: CredentialError.self) { try await find(context()) }
        #expect(error?.isNotFound == true)
        #expect(error?.looked.count == 11)
        let words = try #require(error).description
        for text in ["AWS_ACCESS_KEY_ID", "~/.aws/credentials", "~/.aws/config", "169.254.169.254: no route"] {
            #expect(words.contains(text))
        }
    }

    @Test("asks the instance last, and only once where nobody answers")
    func instanceMetadataIsQuick() async throws {
        let urls = NIOLockedValueBox<[String]>([])
        let http = AnsweringHTTP { request in
            urls.withLockedValue { $0.append("\(request.method) \(request.url) \(request.timeout)") }
            throw CredentialHTTPError.unreachable("no route")
        }
        _ = try? await find(context(http: http))
        #expect(urls.withLockedValue { $0 } == ["PUT http://169.254.169.254/latest/api/token 1.0 seconds"])
    }

    @Test("does not send keys or tokens over http, unless that is allowed")
    func insecureEndpoint() async throws {
        let environment = [
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
            "AWS_ENDPOINT_URL_STS": "http://sts.example.com",
        ]
        let http = AnsweringHTTP { _ in CredentialResponse(status: 200, body: Array(Self.answer.utf8)) }
        let context = context(environment, files: ["/token": "token"], http: http)
        let error = await #expect(throws: CredentialError.self) { try await find(context) }
        #expect(try #require(error).description.contains("--allow-insecure-endpoint"))
        let allowed = CredentialCache(CredentialChain(context, allowInsecureEndpoint: true))
        #expect(try await allowed.current().accessKeyID == "ASIA")
    }

    @Test("reads the web identity token anew for each renewal")
    func tokenIsReadAgain() async throws {
        let (reads, bodies) = (Counter(), NIOLockedValueBox<[String]>([]))
        var context = context([
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
        ])
        context.readFile = { $0 == "/token" ? Array("token\(reads.increment())".utf8) : nil }
        context.http = AnsweringHTTP { request in
            bodies.withLockedValue { $0.append(String(decoding: request.body, as: UTF8.self)) }
            let end = Date.now.addingTimeInterval(3).ISO8601Format()
            let body = Self.answer.replacingOccurrences(of: "2099-01-01T00:00:00Z", with: end)
            return CredentialResponse(status: 200, body: Array(body.utf8))
        }
        let provided = try await CredentialChain(context).resolve()
        _ = try await provided.refresh?()
        _ = try await provided.refresh?()
        let sent = bodies.withLockedValue { $0 }
        #expect(sent.count == 2 && sent[0].hasSuffix("=token1") && sent[1].hasSuffix("=token2"))
    }

    @Test("announces the keys on the way to a role as well")
    func announcesSources() async throws {
        let seen = NIOLockedValueBox<[String]>([])
        let config = """
            [profile r]
            role_arn = arn:aws:iam::123456789012:role/r
            source_profile = base
            [profile base]
            aws_access_key_id = BASE
            aws_secret_access_key = secret
            """
        let http = AnsweringHTTP { _ in CredentialResponse(status: 200, body: Array(Self.answer.utf8)) }
        let found = try await find(
            context(
                files: ["/home/runner/.aws/config": config], http: http,
                onResolve: { new in seen.withLockedValue { $0.append(new.accessKeyID) } }), profile: "r")
        #expect(found.accountID == "123456789012")
        #expect(seen.withLockedValue { $0 } == ["BASE", "ASIA"])
    }

    @Test("waits longer after each failure of the token service, and gives up after five")
    func retries() async throws {
        let waits = NIOLockedValueBox<[Duration]>([])
        let http = AnsweringHTTP { _ in CredentialResponse(status: 503) }
        let context = context(
            ["AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"],
            files: ["/token": "token"], http: http, sleep: { wait in waits.withLockedValue { $0.append(wait) } })
        await #expect(throws: CredentialError.self) { try await find(context) }
        #expect(waits.withLockedValue { $0 } == [.seconds(0.5), .seconds(1), .seconds(2), .seconds(4)])
    }

    @Test(
        "explains profiles that need a person",
        arguments: [
            ("sso_account_id = 1\nsso_role_name = r", "aws configure export-credentials"),
            ("login_session = x", "aws configure export-credentials"),
            (
                "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = default\nmfa_serial = x",
                "aws sts get-session-token"
            ),
        ])
    func unsupported(settings: String, advice: String) async throws {
        let context = context(files: ["/home/runner/.aws/config": "[default]\n" + settings])
        let error = await #expect(throws: CredentialError.self) { try await find(context) }
        #expect(error?.code == .unsupported)
        #expect(error?.advice?.contains(advice) == true)
    }

    @Test("a file that is there and cannot be read ends the search")
    func unreadableFile() async throws {
        struct Denied: Error {}
        var denied = context()
        denied.readFile = { path in if path.hasSuffix("config") { throw Denied() } else { nil } }
        let world = denied
        let error = await #expect(throws: CredentialError.self) { try await find(world) }
        #expect(error?.code == .configuration)
    }
}
