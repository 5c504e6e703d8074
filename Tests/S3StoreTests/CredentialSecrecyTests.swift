import Testing

@testable import S3Store

@Suite("Secrets stay secret")
struct CredentialSecrecyTests {
    private static let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    /// A world in which something goes wrong around a secret.
    struct Mishap: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var environment: [String: String] = [:]
        var files: [String: String] = [:]
        var answer = CredentialResponse(status: 500)
        var output = CredentialProcessResult(status: 0, output: [])
    }

    private static let role = [
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    ]
    private static let container = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/c"]
    private static let process = ["/home/runner/.aws/config": "[default]\ncredential_process = /bin/tool"]

    private static let mishaps = [
        Mishap(
            testDescription: "broken file", files: ["/home/runner/.aws/credentials": "[default]\n\(secret)\nx = 1"]),
        Mishap(
            testDescription: "key with a line break",
            environment: ["AWS_ACCESS_KEY_ID": "a\n\(secret)", "AWS_SECRET_ACCESS_KEY": secret]),
        Mishap(
            testDescription: "bad expiration",
            environment: [
                "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": secret, "AWS_CREDENTIAL_EXPIRATION": secret,
            ]),
        Mishap(
            testDescription: "half a pair",
            files: ["/home/runner/.aws/credentials": "[default]\naws_access_key_id = \(secret)"]),
        Mishap(
            testDescription: "token service that repeats the token", environment: role, files: ["/token": secret],
            answer: CredentialResponse(
                status: 400,
                body: Array(
                    "<ErrorResponse><Error><Code>Bad</Code><Message>x \(secret) y</Message></Error></ErrorResponse>"
                        .utf8
                ))),
        Mishap(
            testDescription: "token service that answers with half of it", environment: role, files: ["/token": secret],
            answer: CredentialResponse(
                status: 200,
                body: Array(
                    """
                    <AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId>
                    <SecretAccessKey>\(secret)</SecretAccessKey></Credentials></AssumeRoleResult></AssumeRoleResponse>
                    """.utf8))),
        Mishap(
            testDescription: "container that answers with half of it", environment: container,
            answer: CredentialResponse(status: 200, body: Array(#"{"SecretAccessKey": "\#(secret)"}"#.utf8))),
        Mishap(
            testDescription: "container that answers with no JSON", environment: container,
            answer: CredentialResponse(status: 200, body: Array("oops \(secret)".utf8))),
        Mishap(
            testDescription: "container token with a line break",
            environment: container.merging(["AWS_CONTAINER_AUTHORIZATION_TOKEN": "\(secret)\nx"]) { $1 }),
        Mishap(
            testDescription: "container URL with a password",
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://user:\(secret)@example.com/"]),
        Mishap(
            testDescription: "endpoint with a password",
            environment: role.merging(["AWS_ENDPOINT_URL": "https://user:\(secret)@example.com/"]) { $1 },
            files: ["/token": secret]),
        Mishap(
            testDescription: "program that fails and says why", files: process,
            output: CredentialProcessResult(
                status: 1, output: Array(secret.utf8), errorOutput: Array("key \(secret), token=\(secret)".utf8))),
        Mishap(
            testDescription: "program that prints no JSON", files: process,
            output: CredentialProcessResult(status: 0, output: Array("{\"SecretAccessKey\": \"\(secret)".utf8))),
        Mishap(
            testDescription: "program that prints half of it", files: process,
            output: CredentialProcessResult(
                status: 0, output: Array(#"{"Version": 1, "SecretAccessKey": "\#(secret)"}"#.utf8))),
        Mishap(
            testDescription: "program that prints a bad time", files: process,
            output: CredentialProcessResult(
                status: 0,
                output: Array(
                    #"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "\#(secret)", "Expiration": "\#(secret)"}"#
                        .utf8
                ))),
        Mishap(
            testDescription: "instance that sends a broken token",
            answer: CredentialResponse(status: 200, body: Array("\(secret)\n".utf8))),
        Mishap(
            testDescription: "program line with an open quotation",
            files: ["/home/runner/.aws/config": "[default]\ncredential_process = tool \"--key=\(secret)"]),
    ]

    private struct Output: CredentialProcessRunner {
        let result: CredentialProcessResult
        func run(_ words: [String], environment: [String: String]) async -> CredentialProcessResult { result }
    }

    @Test("in every way to print an error", arguments: mishaps)
    func errors(_ mishap: Mishap) async throws {
        let context = CredentialContext(
            environment: mishap.environment, home: "/home/runner",
            readFile: { path in mishap.files[path].map { Array($0.utf8) } },
            http: AnsweringHTTP { _ in mishap.answer }, process: Output(result: mishap.output), sleep: { _ in })
        let error = try #require(
            await #expect(throws: CredentialError.self) {
                try await CredentialCache(CredentialChain(context)).current()
            })
        var dumped = ""
        dump(error, to: &dumped)
        for text in ["\(error)", String(reflecting: error), dumped] { #expect(!text.contains(Self.secret)) }
        #expect(!error.isNotFound, "the mishap did not happen: \(error)")
    }

    @Test("in every way to print credentials")
    func credentials() {
        let credentials = Credentials(
            accessKeyID: "AKIDEXAMPLE", secretAccessKey: Self.secret, sessionToken: Self.secret)
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped, "\([credentials])"] {
            #expect(!text.contains(Self.secret))
        }
    }
}
