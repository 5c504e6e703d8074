import Foundation
import NIOConcurrencyHelpers
import NIOCore
import TestSupport
import Testing

@Suite("Secrets and foreign text in the action")
struct ActionSecretTests {
    private static let idToken = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyZXBvOm93bmVyL3JlcG8ifQ."

    @Test("Every secret is masked before its first use, and shown nowhere else", arguments: ["main", "post"])
    func masked(_ phase: String) async throws {
        let seen = NIOLockedValueBox(false)
        try await StubServer.run { request in
            seen.withLockedValue { $0 = true }
            let echo = request.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
            return .text("<Error><Code>AccessDenied</Code><Message>\(echo)</Message></Error>", status: 403)
        } _: { server in
            try await Sandbox.run { sandbox in
                var action = try ActionSandbox.stub(server, sandbox)
                let secrets = [
                    "AWS_ACCESS_KEY_ID": "AKIDMASKEDEXAMPLE123",
                    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+masked/key",
                    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEBYaDHmasked/token==",
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token-masked-1234",
                ]
                action.sandbox.environment.merge(secrets) { $1 }
                try sandbox.write("storage/a", "a")
                let run = try await action.run(phase, with: ["RUNNER_DEBUG": "1"])
                #expect(run.code == 0, "\(run.log)")
                #expect(seen.withLockedValue { $0 })
                for (name, secret) in secrets {
                    let mask = "::add-mask::\(secret)"
                    #expect(run.lines.contains(mask[...]), "\(name)")
                    let others = run.lines.filter { $0.contains(secret) && $0 != mask }
                    #expect(others == [])
                    #expect(!run.summary.contains(secret) && !run.plainSummary.contains(secret))
                    #expect(!run.outputs.values.contains { $0.contains(secret) })
                    #expect(!run.state.values.contains { $0.contains(secret) })
                }
                let first = run.lines.firstIndex { !$0.hasPrefix("::add-mask::") && !$0.hasPrefix("::group::") }
                let last = run.lines.lastIndex { $0.hasPrefix("::add-mask::") }
                // Debug lines of the start may come before; nothing that a store said does.
                #expect(last != nil && first != nil)
                #expect(run.err == "")
            }
        }
    }

    @Test("What a store says is never a command of the runner", arguments: ["main", "post"])
    func injection(_ phase: String) async throws {
        let evil = "x\n::error::evil\r::set-output name=evil::1\n  ::add-mask::a\n##[error]evil\n::stop-commands::evil"
        try await StubServer.run {
            _ in
            .text("<Error><Code>Evil</Code><Message>\(evil)</Message><Resource>\(evil)</Resource></Error>", status: 400)
        } _: { server in
            try await Sandbox.run { sandbox in
                try sandbox.write("storage/a", "a")
                let run = try await ActionSandbox.stub(server, sandbox).run(phase, with: ["RUNNER_DEBUG": "1"])
                let own = [
                    "::add-mask::", "::group::", "::endgroup::", "::warning title=Holdfast::",
                    "::notice title=Holdfast::",
                ]
                for line in run.log.split(whereSeparator: \.isNewline)
                where line.drop(while: \.isWhitespace).hasPrefix("::") {
                    #expect(own.contains { line.hasPrefix($0) }, "\(line)")
                    #expect(!line.hasPrefix("::add-mask::a"))
                }
                #expect(!run.log.contains("##["))
                #expect(run.annotations("warning").contains { $0.contains("evil") }, "\(run.log)")
            }
        }
    }

    @Test("A role is assumed with the job's token in each phase anew, and nothing of it is shown")
    func role() async throws {
        let server = try await TestServer.shared(.moto)
        let requests = NIOLockedValueBox<[StubRequest]>([])
        try await StubServer.run { request in
            requests.withLockedValue { $0.append(request) }
            return .text(#"{"count":1,"value":"\#(Self.idToken)"}"#)
        } _: { stub in
            try await Sandbox.run { sandbox in
                var action = ActionSandbox.store(server, sandbox).with([
                    "role-to-assume": "arn:aws:iam::123456789012:role/agent", "role-session-name": "GitHubActions",
                    "audience": "sts.amazonaws.com", "role-duration-seconds": "900",
                ])
                for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] { action.sandbox.environment[name] = nil }
                action.sandbox.environment.merge([
                    "ACTIONS_ID_TOKEN_REQUEST_URL": "\(stub.url)/token?v=1",
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer-token-1234",
                    "AWS_ENDPOINT_URL_STS": server.url,
                ]) { $1 }
                let cold = try await action.run("main")
                #expect(cold.code == 0 && cold.annotations("warning") == [], "\(cold.log)")
                try sandbox.write("storage/a", "a")
                let saved = try await action.after(cold).run("post")
                #expect(saved.plainSummary.contains("| Store | saved |"), "\(saved.log)")
                let warm = try await action.run("main")
                #expect(warm.outputs["cache-source"] == "s3", "\(warm.log)")
                let asked = requests.withLockedValue { $0 }
                #expect(asked.count == 3)
                #expect(asked.allSatisfy { $0.query == "v=1&audience=sts.amazonaws.com" })
                #expect(asked.allSatisfy { $0.header("authorization") == "Bearer bearer-token-1234" })
                for run in [cold, saved, warm] {
                    #expect(run.lines.contains("::add-mask::\(Self.idToken)"))
                    #expect(run.lines.contains { $0.hasPrefix("::add-mask::ASIA") })
                    #expect(run.lines.filter { $0.contains(Self.idToken) }.count == 1)
                    #expect(!(run.summary + "\(run.state)\(run.outputs)").contains(Self.idToken))
                }
            }
        }
    }

    @Test("A job that may not have a token starts cold, and is told which permission is missing")
    func noToken() async throws {
        let server = try await TestServer.shared(.ministack)
        try await Sandbox.run { sandbox in
            let action = ActionSandbox.store(server, sandbox).with([
                "role-to-assume": "arn:aws:iam::123456789012:role/agent"
            ])
            let main = try await action.run("main")
            #expect(main.code == 0)
            #expect(main.annotations("warning").contains { $0.contains("id-token: write") }, "\(main.log)")
        }
    }
}
