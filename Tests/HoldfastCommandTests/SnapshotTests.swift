import ArgumentParser
import Foundation
import Testing

@testable import HoldfastCommand

/// The help texts as they are in `Snapshots`. After a change on purpose, write them anew and look at the difference:
///
///     HOLDFAST_UPDATE_SNAPSHOTS=1 swift test --filter SnapshotTests
@Suite("Help and completions")
struct SnapshotTests {
    static let commands = [
        "push", "pull", "save", "restore", "watch", "rollback", "status", "log", "diff", "ls", "cat", "config",
        "verify", "prune", "doctor", "policy", "demo", "completions", "action",
    ]
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Snapshots")

    @Test("The help is what it was", arguments: [""] + commands)
    func help(_ command: String) async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.program(Sandbox.binary, (command.isEmpty ? [] : [command]) + ["--help"])
            #expect(run.code == 0)
            #expect(run.err == "")
            let file = Self.folder.appendingPathComponent("\(command.isEmpty ? "holdfast" : command).txt")
            if ProcessInfo.processInfo.environment["HOLDFAST_UPDATE_SNAPSHOTS"] == "1" {
                try Data(run.out.utf8).write(to: file)
            }
            #expect(run.out == String(decoding: try Data(contentsOf: file), as: UTF8.self))
        }
    }

    @Test("Every command has a snapshot of its help")
    func complete() {
        let configuration = Root.configuration
        let all = configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
        let names = all.map { $0.configuration.commandName ?? "\($0)".lowercased() }
        #expect(Set(names) == Set(Self.commands))
    }

    @Test("Completions know every command, and the shell can read them", arguments: ["bash", "zsh", "fish"])
    func completions(_ shell: String) async throws {
        try await Sandbox.run { sandbox in
            let run = try await sandbox.holdfast("completions", shell)
            #expect(run.code == 0)
            for command in Self.commands { #expect(run.out.contains(command)) }
            #expect(run.out.contains("--allow-insecure-endpoint") || run.out.contains("allow-insecure-endpoint"))
            if shell == "bash" {
                try sandbox.write("completion", run.out)
                #expect(try await sandbox.program("/bin/bash", ["-n", "completion"]).code == 0)
            }
        }
    }
}
