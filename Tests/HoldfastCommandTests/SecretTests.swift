import Foundation
import NIOCore
import TestSupport
import Testing

@Suite("Secrets")
struct SecretTests {
    private static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    private static let token = "FwoGZXIvYXdzEBYaDH1234567890/abcdefghijklmnopqrstuvwxyz+ABCDEFGHIJ=="
    private static let keyID = "AKIDSECRETEXAMPLE123"

    /// How a store may answer: each echoes all it was sent, and the secrets as well.
    enum Answer: String, CaseIterable, CustomTestStringConvertible {
        case signature, denied, server, page, success
        var testDescription: String { rawValue }

        func response(_ request: StubRequest) -> StubResponse {
            let echo =
                request.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
                + "\nsecret \(secret) token \(token) key \(keyID)\nhttps://user:\(token)@host/?X-Amz-Signature=0123456789abcdef"
            let text = echo.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            func document(_ code: String) -> String {
                "<Error><Code>\(code)</Code><Message>\(text)</Message><StringToSign>\(text)</StringToSign>"
                    + "<AWSAccessKeyId>\(keyID)</AWSAccessKeyId><RequestId>\(token)</RequestId></Error>"
            }
            return switch self {
            case .signature: .text(document("SignatureDoesNotMatch"), status: 403)
            case .denied: .text(document("AccessDenied"), status: 403)
            case .server: .text(document("InternalError"), status: 500)
            case .page: .text("<html>\(text)</html>", status: 400, headers: [("x-amz-request-id", secret)])
            case .success: .text("<ListBucketResult><Key>\(text)</Key></ListBucketResult>")
            }
        }
    }

    static let modes = [
        [], ["--json"], ["-v"], ["-v", "--log-format", "json"], ["--json", "-v", "--log-format", "json"],
    ]

    @Test(
        "No credential is shown, whatever a store answers, in any mode", arguments: Answer.allCases,
        ["environment", "file"])
    func echoes(_ answer: Answer, source: String) async throws {
        try await StubServer.run {
            answer.response($0)
        } _: { server in
            try await Sandbox.run { sandbox in
                var sandbox = try sandbox.using(server)
                if source == "environment" {
                    sandbox.environment.merge([
                        "AWS_ACCESS_KEY_ID": Self.keyID, "AWS_SECRET_ACCESS_KEY": Self.secret,
                        "AWS_SESSION_TOKEN": Self.token,
                    ]) { $1 }
                } else {
                    sandbox.environment["AWS_ACCESS_KEY_ID"] = nil
                    sandbox.environment["AWS_SECRET_ACCESS_KEY"] = nil
                    try sandbox.write(
                        "home/.aws/credentials",
                        """
                        [default]
                        aws_access_key_id = \(Self.keyID)
                        aws_secret_access_key = \(Self.secret)
                        aws_session_token = \(Self.token)
                        """)
                }
                try sandbox.write("storage/a", "a")
                for mode in Self.modes {
                    for command in ["push", "ls"] {
                        let run = try await sandbox.program(Sandbox.binary, [command] + mode)
                        if answer != .success { #expect(run.code == 1) }
                        let all = run.out + run.err
                        #expect(answer == .success || !all.isEmpty)
                        for hidden in Self.forms { #expect(!all.contains(hidden), "\(command) \(mode): \(all)") }
                    }
                }
                #expect(!server.requests.isEmpty)
                for (name, content) in try sandbox.texts("home") where !name.hasSuffix("/credentials") {
                    for hidden in Self.forms { #expect(!content.contains(hidden), "\(name)") }
                }
            }
        }
    }

    /// The secrets as they may turn up: whole, a long part of them, encoded.
    private static let forms = [
        secret, String(secret.prefix(24)), token, String(token.prefix(24)), keyID,
        Data(secret.utf8).base64EncodedString(),
        secret.replacingOccurrences(of: "/", with: "%2F"), secret.replacingOccurrences(of: "/", with: #"\/"#),
        "Signature=0123456789abcdef", "AWS4-HMAC-SHA256 Credential",
    ]

    @Test("No credential is on the command line of a child process")
    func commandLines() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write(
                "bin/git", "#!/bin/sh\necho \"$0 $*\" >> \"$HOME/calls\"\necho https://host.example/from/git\n")
            chmod(sandbox.path("bin/git"), 0o755)
            let run = try await sandbox.holdfast(
                "ls", "--store", "s3://bucket", "--endpoint-url", "http://127.0.0.1:1", "--allow-insecure-endpoint",
                with: [
                    "PATH": sandbox.path("bin") + ":/usr/bin:/bin", "HOLDFAST_REPO": nil,
                    "AWS_ACCESS_KEY_ID": Self.keyID,
                    "AWS_SECRET_ACCESS_KEY": Self.secret, "AWS_SESSION_TOKEN": Self.token, "AWS_MAX_ATTEMPTS": "1",
                ])
            #expect(run.code == 1)
            let calls = try #require(try sandbox.texts("home")["calls"])
            #expect(calls.contains("remote get-url origin"))
            for hidden in Self.forms { #expect(!calls.contains(hidden)) }
        }
    }

    @Test("Files that hold secrets never get into the store, whatever the options")
    func excludedFiles() async throws {
        try await Sandbox.run { sandbox in
            let excluded = [
                "auth.json", "mcp-auth.json", "account.json", ".env", "x.key", "x.pem", "x.tmp", "opencode.db-shm",
                "opencode.db-wal", "opencode.db-journal", "deep/er/auth.json", "deep/Auth.JSON", "log/auth.json",
                "session_share/auth.json",
            ]
            for name in excluded { try sandbox.write("storage/\(name)", Self.secret) }
            for name in ["session_share/s.json", "log/x.log", "bin/tool"] {
                try sandbox.write("storage/\(name)", Self.token)
            }
            try sandbox.write("storage/session/a.json", "fine")
            let push = try await sandbox.holdfast("push", "--json")
            #expect(push.code == 0)
            #expect(try push.json["objectCount"].int == 1)
            #expect(try push.json["skipped"]["excluded"].int ?? 0 >= excluded.count - 2)
            let included = try await sandbox.holdfast("push", "--include", "**", "--json")
            #expect(try included.json["objectCount"].int == 4)
            for (name, content) in try sandbox.texts("home") { #expect(!content.contains(Self.secret), "\(name)") }
        }
    }
}
