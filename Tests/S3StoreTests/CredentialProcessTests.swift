import Foundation
import TestSupport
import Testing

@testable import S3Store

@Suite("Programs that print credentials")
struct CredentialProcessTests {
    private func run(_ script: String, limit: Duration = .seconds(60)) async throws -> CredentialProcessResult {
        try await SubprocessCredentialRunner(limit: limit)
            .run(["/bin/sh", "-c", script], environment: ["PATH": "/usr/bin:/bin", "NAME": "value"])
    }

    @Test("get the given environment and nothing else, and no input")
    func environment() async throws {
        let result = try await run("cat; echo \"$NAME ${HOME-unset}\"; echo oops >&2; exit 3")
        #expect(result.status == 3)
        #expect(String(decoding: result.output, as: UTF8.self) == "value unset\n")
        #expect(String(decoding: result.errorOutput, as: UTF8.self) == "oops\n")
    }

    @Test("are found by name in the PATH that they are given")
    func byName() async throws {
        try await withTemporaryDirectory { folder in
            let program = folder.appendingPathComponent("tool")
            try Data("#!/bin/sh\necho \"$1\"".utf8).write(to: program)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
            let runner = SubprocessCredentialRunner()
            let result = try await runner.run(["tool", "a b"], environment: ["PATH": folder.path])
            #expect(String(decoding: result.output, as: UTF8.self) == "a b\n")
            await #expect(throws: CredentialProcessError.notStarted("it was not found")) {
                try await runner.run(["tool"], environment: ["PATH": "/nowhere"])
            }
        }
    }

    @Test("that print without end are stopped")
    func tooMuchOutput() async throws {
        await #expect(throws: CredentialProcessError.tooMuchOutput) { try await run("yes") }
    }

    @Test("that do not end are stopped, with all that they have started")
    func tooSlow() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("pids").path
            let limit = Duration.seconds(3)
            await #expect(throws: CredentialProcessError.tooSlow(limit)) {
                try await run("trap '' TERM; sleep 600 & echo $$ $! > \(file); wait; sleep 600", limit: limit)
            }
            for pid in try String(contentsOfFile: file, encoding: .utf8).split(whereSeparator: \.isWhitespace) {
                #expect(await ends(String(pid)))
            }
        }
    }

    @Test("that leave a helper behind with the output open do not make anybody wait for it")
    func helperKeepsOutputOpen() async throws {
        let result = try await run("sleep 600 & echo $!")
        let pid = try #require(
            Int32(String(decoding: result.output, as: UTF8.self).filter(\.isNumber)), "\(result)")
        kill(pid, SIGKILL)
        #expect(result.status == 0)
    }

    @Test("are stopped when nobody waits any more")
    func cancellation() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("pid").path
            let task = Task { try await run("echo $$ > \(file).new; mv \(file).new \(file); sleep 600") }
            while !FileManager.default.fileExists(atPath: file) { await Task.yield() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let pid = try String(contentsOfFile: file, encoding: .utf8).filter { !$0.isWhitespace }
            #expect(await ends(pid))
        }
    }

    /// Waits for a killed process to be gone: the signal is sent, but the kernel has yet to act on it.
    private func ends(_ pid: String) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(20)
        while isRunning(pid), ContinuousClock.now < deadline { await Task.yield() }
        return !isRunning(pid)
    }

    /// Whether a process is there, and not only its exit status.
    private func isRunning(_ pid: String) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = status.lastIndex(of: ")")
        else { return false }
        return !status[end...].hasPrefix(") Z")
    }
}
