import Foundation
import TestSupport
import Testing

/// The data home of an agent as `bench/opencode_state.py` makes it: OpenCode's tables in their real shapes, a log that a
/// killed process has left, and planted secrets.
struct AgentHome {
    /// As the command sees it.
    let sandbox: Sandbox
    let name: String

    /// - Parameter schema: `v1` or `v2`: that of OpenCode 1.x or 2.x.
    init(_ name: String, schema: String, seed: UInt64, in sandbox: Sandbox) async throws {
        self.name = name
        var own = sandbox
        own.environment["HOLDFAST_STORAGE"] = sandbox.path("\(name)/opencode/storage")
        own.environment["XDG_STATE_HOME"] = sandbox.path("state-of-\(name)")
        self.sandbox = own
        try await python(
            "gen", "--out", path, "--seed", "\(seed)", "--sessions", "2", "--messages", "4", "--parts", "3",
            "--sqlite-mb", "1", "--schema", schema)
        // What lies beside OpenCode's own directory is of no concern here.
        for other in ["_home", "_state"] { try sandbox.remove("\(name)/\(other)") }
    }

    var path: String { sandbox.path(name) }

    /// Lets the agent go on for some turns, changing rows and files, and be killed again.
    func mutate(seed: UInt64) async throws {
        try await python("mutate", "--out", path, "--seed", "\(seed)", "--turns", "2", "--touch-pct", "3")
        for other in ["_home", "_state"] where sandbox.exists("\(name)/\(other)") {
            try sandbox.remove("\(name)/\(other)")
        }
    }

    /// What the state holds, table by table and row by row, whatever its bytes are.
    func digest() async throws -> String {
        try await python("digest", path).out.split(separator: " ").first.map(String.init) ?? ""
    }

    /// Which of the planted secrets occur in files below these directories of the sandbox.
    func leaks(in places: [String]) async throws -> Set<String> {
        let scan = try await sandbox.program(
            Self.interpreter, [Self.script, "scan", path] + places.map(sandbox.path))
        try #require(scan.code == 0 || scan.code == 1, "\(scan.err)")
        let lines = scan.out.split(separator: "\n").filter { $0.hasPrefix("LEAK ") }
        #expect(scan.out.contains("leaks: \(lines.count)"))
        return Set(lines.compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) })
    }

    /// Takes all that the agent has away, but for the note of the generator.
    func wipe() throws { try sandbox.remove("\(name)/opencode") }

    private static var interpreter: String { Project.folder.appendingPathComponent(".venv/bin/python").path }
    private static var script: String { Project.folder.appendingPathComponent("bench/opencode_state.py").path }

    @discardableResult
    private func python(_ arguments: String...) async throws -> Finished {
        let run = try await sandbox.program(Self.interpreter, [Self.script] + arguments)
        try #require(run.code == 0, "\(arguments): \(run.status) \(run.out) \(run.err)")
        return run
    }
}
