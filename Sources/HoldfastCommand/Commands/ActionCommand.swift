import ArgumentParser

struct ActionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "action",
        abstract: "The two phases of the GitHub Action.",
        discussion: """
            The action's scripts run these. Inputs come from the variables INPUT_…, as the runner sets them; action.yaml lists \
            them.
            """,
        subcommands: [ActionMain.self, ActionPost.self])
}
