import Foundation
import TestSupport
import Testing

@Suite("The command on a terminal")
struct TerminalTests {
    private static let erase = "\r\u{1B}[2K"

    /// Runs the command with a terminal as its standard error.
    private func onTerminal(
        _ sandbox: Sandbox, _ arguments: [String], with changes: [String: String?] = [:]
    ) async throws -> Finished {
        let script = """
            import os, pty, subprocess, sys
            terminal, other = pty.openpty()
            child = subprocess.Popen(sys.argv[1:], stderr=other)
            os.close(other)
            try:
                while data := os.read(terminal, 65536):
                    sys.stderr.buffer.write(data)
            except OSError:
                pass
            sys.exit(child.wait())
            """
        return try await sandbox.program(
            Project.folder.appendingPathComponent(".venv/bin/python").path, ["-c", script, Sandbox.binary] + arguments,
            with: ["TERM": "xterm"].merging(changes) { $1 })
    }

    @Test("A bar shows how far a transfer is, and is erased at the end", arguments: ["push", "pull"])
    func bar(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "abc")
            if command == "pull" {
                #expect(try await sandbox.holdfast("push").code == 0)
                try sandbox.remove("storage")
            }
            let run = try await onTerminal(sandbox, [command])
            #expect(run.code == 0)
            #expect(run.err.contains("\(command) ████████████████████████ 1/1 files, 3 B of 3 B"))
            // Warnings are said once it is erased.
            let last = try #require(run.err.range(of: Self.erase, options: .backwards))
            #expect(!run.err[last.upperBound...].contains("█"))
            #expect(run.out.contains("1 file, 3 B"))
            #expect(!run.out.contains("█"))
        }
    }

    @Test(
        "No bar without a terminal, or where it is not wanted",
        arguments: [
            (["--no-progress"], "xterm"), (["--quiet"], "xterm"), (["--log-format", "json"], "xterm"), ([], "dumb"),
        ])
    func noBar(arguments: [String], terminal: String) async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "abc")
            #expect(try await sandbox.holdfast("push").err == "")
            let run = try await onTerminal(sandbox, ["push"] + arguments, with: ["TERM": terminal])
            #expect(run.err == "")
        }
    }

    @Test("Colours are for terminals, and NO_COLOR and --no-color turn them off")
    func colors() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "abc")
            #expect(try await onTerminal(sandbox, ["push", "-v"]).err.contains("\u{1B}[2mdebug:"))
            let plain = [
                try await onTerminal(sandbox, ["push", "-v"], with: ["NO_COLOR": "1"]),
                try await onTerminal(sandbox, ["push", "-v", "--no-color"]),
                try await sandbox.holdfast("push", "-v"),
            ]
            for run in plain {
                #expect(run.err.contains("debug:"))
                #expect(!run.err.contains("mdebug:"))
            }
        }
    }

    @Test("A log line takes the place of the bar")
    func logBesideBar() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/a", "abc")
            let run = try await onTerminal(sandbox, ["push", "-v", "--no-color"])
            for line in run.err.split(separator: "\n") where line.contains("debug:") {
                #expect(line.components(separatedBy: "debug:")[0].hasSuffix(Self.erase))
            }
        }
    }
}
