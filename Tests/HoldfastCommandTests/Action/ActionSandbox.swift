import Foundation
import TestSupport
import Testing

/// Runs the phases of the action as its scripts do, and reads what they hand to the runner.
struct ActionSandbox: Sendable {
    var sandbox: Sandbox
    var inputs: [String: String] = [:]
    private let state: [String: String]

    init(_ sandbox: Sandbox, inputs: [String: String] = [:], state: [String: String] = [:]) {
        (self.sandbox, self.inputs, self.state) = (sandbox, inputs, state)
    }

    /// In front of a server, with a memory of its own, as the inputs say it.
    static func store(_ server: TestServer, _ sandbox: Sandbox) -> ActionSandbox {
        let store = ActLab.store(server, prefix: server.prefix("action"))
        var sandbox = sandbox
        sandbox.environment.merge(store.variables) { $1 }
        return ActionSandbox(sandbox, inputs: store.inputs)
    }

    /// In front of a scripted server.
    static func stub(_ server: StubServer, _ sandbox: Sandbox) throws -> ActionSandbox {
        let front = try sandbox.using(server)
        var plain = sandbox
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] { plain.environment[name] = front.environment[name] }
        return ActionSandbox(
            plain,
            inputs: [
                "s3-backup": "true", "s3-bucket": "bucket", "s3-prefix": "memory", "s3-endpoint": server.url,
                "s3-allow-insecure-endpoint": "true", "agent-identity": "local",
            ])
    }

    /// The post phase gets what main kept.
    func after(_ main: ActionRun) -> ActionSandbox { ActionSandbox(sandbox, inputs: inputs, state: main.state) }

    func with(_ inputs: [String: String]) -> ActionSandbox {
        ActionSandbox(sandbox, inputs: self.inputs.merging(inputs) { $1 }, state: state)
    }

    func run(_ phase: String, with changes: [String: String?] = [:]) async throws -> ActionRun {
        let files = ["GITHUB_OUTPUT": "output", "GITHUB_STATE": "state", "GITHUB_STEP_SUMMARY": "summary"]
        for name in files.values { try sandbox.write("runner/\(name)", "") }
        var variables: [String: String?] = [
            "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_REPOSITORY": "owner/repo", "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main", "RUNNER_OS": "Linux", "GITHUB_RUN_ID": "1", "AWS_MAX_ATTEMPTS": "1",
        ]
        for (name, file) in files { variables[name] = sandbox.path("runner/\(file)") }
        // An input is a variable with any name; `env` passes hyphens on.
        for (name, value) in inputs { variables["INPUT_\(name.uppercased())"] = value }
        for (name, value) in state { variables["STATE_\(name)"] = value }
        variables.merge(changes) { $1 }
        let finished = try await sandbox.program(Sandbox.binary, ["action", phase], with: variables)
        func text(_ name: String) throws -> String {
            String(
                decoding: try Data(contentsOf: sandbox.folder.appendingPathComponent("runner/\(name)")), as: UTF8.self)
        }
        return ActionRun(
            code: finished.code, log: finished.out, err: finished.err, outputs: Self.records(try text("output")),
            state: Self.records(try text("state")), summary: try text("summary"))
    }

    private static func records(_ text: String) -> [String: String] {
        var found: [String: String] = [:]
        for match in text.matches(of: /(?m)^([^=\n]+)<<(.+)\n((?s).*?)\n\2$/) {
            found[String(match.1)] = String(match.3)
        }
        return found
    }
}

/// What a phase did.
struct ActionRun {
    let code: Int32?
    let log: String
    /// Nothing: the log of a job is one stream.
    let err: String
    let outputs: [String: String]
    let state: [String: String]
    let summary: String

    var lines: [Substring] { log.split(separator: "\n") }

    /// The texts of the annotations of a level.
    func annotations(_ level: String) -> [String] {
        lines.filter { $0.hasPrefix("::\(level) ") }.compactMap {
            $0.split(separator: "::", maxSplits: 1).last.map(String.init)
        }
    }

    /// The summary without its marks, for people.
    var plainSummary: String {
        summary.replacing(/<\/?code>/, with: "").replacing(/&#([0-9]+);/) { match in
            UInt32(match.1).flatMap(Unicode.Scalar.init).map { String(Character($0)) } ?? ""
        }
    }
}
