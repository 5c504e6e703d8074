import Foundation
import Glibc
import NIOConcurrencyHelpers
import Subprocess
import TestSupport
import Testing

/// A repository whose workflow uses the action from its checkout, and `act` to run it: a real runner for JavaScript
/// actions, with a real Actions cache (version 1) of its own.
///
/// It runs in host mode and offline. What a run leaves on the machine is where a runner would leave it.
struct ActLab: Sendable {
    let sandbox: Sandbox
    /// Each workflow run has a number of its own, which the key of its cache entry ends with.
    private let runs = Counter()

    /// Gives the body a lab whose action has these inputs, and a store, if any.
    static func run(_ body: (ActLab) async throws -> Void) async throws {
        try await Sandbox.run { sandbox in
            let lab = ActLab(sandbox: sandbox)
            try lab.copyAction()
            try await body(lab)
        }
    }

    private func copyAction() throws {
        for name in ["action.yaml", "action"] {
            try FileManager.default.createDirectory(
                atPath: sandbox.path("repo"), withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                at: Project.folder.appendingPathComponent(name),
                to: sandbox.folder.appendingPathComponent("repo/\(name)"))
        }
    }

    // MARK: Running

    /// What the agent of a run does, and how the run goes.
    struct Job {
        /// Bash, in the agent's storage directory.
        var agent = ":"
        var inputs: [String: String] = [:]
        /// Of the step that uses the action.
        var variables: [String: String] = [:]
        /// What the runner tells every step of itself, instead of what it has.
        var runner: [String: String] = [:]
        /// The program that the action runs.
        var program = Sandbox.binary
    }

    /// Runs the workflow once.
    /// - Parameter meanwhile: may send signals to the runner.
    func run(
        _ job: Job, meanwhile: (@escaping (Signal) throws -> Void) async throws -> Void = { _ in }
    ) async throws -> ActRun {
        try sandbox.write("repo/.github/workflows/agent.yml", workflow(job))
        for arguments in [
            ["init", "--quiet", "--initial-branch=main"], ["add", "--all"],
            [
                "-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--quiet", "--allow-empty",
                "--message=Run",
            ],
        ] {
            let git = try await sandbox.program("git", ["-C", "repo"] + arguments)
            try #require(git.code == 0, "\(git.err)")
        }
        // The name of the repository comes from here.
        _ = try await sandbox.program(
            "git", ["-C", "repo", "remote", "add", "origin", "https://github.com/owner/repo"])
        try? sandbox.remove("outputs")
        let number = runs.next()
        var arguments = [
            "push", "-C", "repo", "-W", ".github/workflows/agent.yml", "-P", "ubuntu-latest=-self-hosted",
            "--cache-server-addr", "127.0.0.1", "--cache-server-path", sandbox.path("actions-cache"),
            "--artifact-server-addr", "127.0.0.1", "--container-daemon-socket", "-", "--action-offline-mode",
            "--pull=false", "-s", "GITHUB_TOKEN=a-token-for-nothing", "--env", "GITHUB_RUN_ID=\(number)",
        ]
        for (name, value) in job.runner { arguments += ["--env", "\(name)=\(value)"] }
        let act = Project.folder.appendingPathComponent(".venv/bin/act").path
        try #require(FileManager.default.isExecutableFile(atPath: act), "\(act) is missing; run `make setup`")
        let result = try await Subprocess.run(
            .name("env"), arguments: Arguments(["-C", sandbox.folder.path, act] + arguments),
            environment: .custom(environment), input: .none, output: .string(limit: 1 << 22),
            error: .string(limit: 1 << 22)
        ) { execution in
            try await meanwhile { try execution.send(signal: $0) }
        }
        let finished = Finished(result.terminationStatus, result.standardOutput, result.standardError)
        return ActRun(code: finished.code, log: finished.out + finished.err, outputs: try outputs())
    }

    private var environment: [Environment.Key: String] {
        let home = sandbox.path("home")
        let variables = [
            "HOME": home, "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "XDG_CACHE_HOME": home + "/.cache", "XDG_CONFIG_HOME": home + "/.config",
            "TMPDIR": sandbox.path("tmp"), "ACT_DISABLE_VERSION_CHECK": "1", "AWS_EC2_METADATA_DISABLED": "true",
            "GIT_CONFIG_NOSYSTEM": "1",
        ]
        return Dictionary(uniqueKeysWithValues: variables.map { (Environment.Key(rawValue: $0.key)!, $0.value) })
    }

    private func workflow(_ job: Job) -> String {
        let inputs = job.inputs.merging(
            ["binary-path": job.program, "storage-path": sandbox.path("storage")]) { $1 }
        let variables = job.variables.merging(["AWS_MAX_ATTEMPTS": "2"]) { $1 }
        let outputs = [
            "cache-status", "cache-source", "cache-key", "snapshot", "object-count", "total-bytes", "duration",
        ].map { "\($0)=${{ steps.memory.outputs.\($0) }}" }
        let script =
            ["cat >\(sandbox.path("outputs")) <<'END'"] + outputs
            + ["END", "mkdir -p \(sandbox.path("storage"))", "cd \(sandbox.path("storage"))"]
            + job.agent.split(separator: "\n").map(String.init)
        func block(_ values: [String: String]) -> String {
            values.sorted { $0.key < $1.key }.map { "          \($0.key): '\($0.value)'\n" }.joined()
        }
        return """
            name: Agent
            on: push
            jobs:
              agent:
                runs-on: ubuntu-latest
                steps:
                  - uses: actions/checkout@v4
                  - uses: ./
                    id: memory
                    with:

            """ + block(inputs) + "        env:\n" + block(variables) + "      - run: |\n"
                + script.map { "          \($0)\n" }.joined()
    }

    /// The outputs of the action in the last run, as a later step sees them; `nil` if there was none.
    private func outputs() throws -> [String: String]? {
        guard sandbox.exists("outputs") else { return nil }
        let text = String(
            decoding: try Data(contentsOf: sandbox.folder.appendingPathComponent("outputs")), as: UTF8.self)
        let pairs = text.split(separator: "\n").map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        }
        return Dictionary(uniqueKeysWithValues: pairs.map { (String($0[0]), String($0[1])) })
    }

    // MARK: The surroundings

    /// Takes everything away that the next job would not find on a runner of GitHub's.
    func becomeFreshRunner() async throws {
        // act's cache server notes when an entry was made in whole seconds: of two that are made in the same, either counts
        // as the newest. Runs here follow each other faster than that.
        let second = time(nil)
        try await eventually("the next second") { time(nil) != second }
        for name in ["home", "storage"] where sandbox.exists(name) { try sandbox.remove(name) }
        try FileManager.default.createDirectory(atPath: sandbox.path("home"), withIntermediateDirectories: true)
    }

    /// Evicts all entries from the Actions cache.
    func emptyCache() throws { try sandbox.remove("actions-cache") }

    /// What the agent finds in its storage directory.
    var state: [String: String] {
        get throws { try sandbox.texts("storage").filter { $0.key != ".version" } }
    }

    /// The inputs and variables for a memory of its own in a server.
    static func store(_ server: TestServer, at url: String? = nil, prefix: String) -> (
        inputs: [String: String], variables: [String: String]
    ) {
        (
            [
                "s3-backup": "true", "s3-bucket": server.bucket, "s3-region": server.region, "s3-prefix": prefix,
                "s3-endpoint": url ?? server.url, "s3-allow-insecure-endpoint": "true",
            ],
            [
                "AWS_ACCESS_KEY_ID": server.identities.full.accessKey,
                "AWS_SECRET_ACCESS_KEY": server.identities.full.secretKey,
            ]
        )
    }
}

/// How a workflow run went.
struct ActRun {
    /// 0 if all jobs are green.
    let code: Int32?
    let log: String
    /// The outputs of the action; `nil` if no later step ran.
    let outputs: [String: String]?

    /// The texts of the annotations of a level.
    func annotations(_ level: String) -> [String] {
        log.split(separator: "\n").compactMap { line in
            line.firstRange(of: "::\(level) title=Holdfast::").map { String(line[$0.upperBound...]) }
        }
    }
}

/// Counts up, from any task.
private final class Counter: Sendable {
    private let count = NIOLockedValueBox(0)
    func next() -> Int {
        count.withLockedValue { count in
            count += 1
            return count
        }
    }
}
