import ArgumentParser
import FileIO

/// The command line of Holdfast.
///
/// This box parses options, resolves settings, prints results and sets exit codes; the work is done in the boxes below
/// it (`Holdfast`, `AgentFiles`, `ObjectStore`, `S3Store`).
@main
struct Root: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "Durable, portable memory for coding agents.",
        discussion: """
            Keeps an agent's local state (sessions, messages) in S3-compatible object storage, so that the next run, \
            on any runner, continues where the last one stopped.

            Results go to standard output, everything else to standard error. With --json a command prints one JSON \
            object, also when it fails; only a command line that cannot be read is told on standard error alone.

            Exit codes: 0 done, 1 failed, 2 damage found by verify or a problem by doctor, 64 wrong usage, 75 a conflict that may pass.
            """,
        version: version,
        subcommands: [Demo.self, Completions.self, ActionCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Memory",
                subcommands: [Push.self, Pull.self, Save.self, RestoreCommand.self, Watch.self, RollbackCommand.self]),
            CommandGroup(
                name: "Looking",
                subcommands: [Status.self, Log.self, Diff.self, List.self, Cat.self, Config.self]),
            CommandGroup(name: "Care", subcommands: [Verify.self, Prune.self, DoctorCommand.self, PolicyCommand.self]),
        ])

    static func main() async {
        if let error = noSuchCommand(CommandLine.arguments.dropFirst()) { exit(withError: error) }
        await main(nil)
    }

    /// ArgumentParser proposes an option that somebody may have meant, but no command.
    /// - Returns: `nil` if the line begins with a command or an option.
    private static func noSuchCommand(_ arguments: ArraySlice<String>) -> ValidationError? {
        guard let name = arguments.first, !name.isEmpty, !name.hasPrefix("-"), name != "help" else { return nil }
        let commands = configuration.subcommands.map { $0.configuration }
        guard !commands.contains(where: { $0.commandName == name }) else { return nil }
        let shown = commands.filter(\.shouldDisplay).compactMap(\.commandName)
        let near = nearNames(to: name, in: shown).map { "'\($0)'" }
        let proposal = near.isEmpty ? "" : " Did you mean \(near.joined(separator: " or "))?"
        return ValidationError("There is no command '\(printable(name.utf8))'.\(proposal)")
    }
}
