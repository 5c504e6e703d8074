/// The log of a job: plain text, annotations, groups and masks.
///
/// Only the members that are called so make commands of the runner; whatever else is written cannot be one. Outside of
/// GitHub Actions nobody reads commands: masks are left out there, so that no secret is printed.
public struct JobLog: Sendable {
    private let isOnRunner: Bool
    private let redact: @Sendable (String) -> String
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - isOnRunner: whether a runner reads what is written.
    ///   - redact: takes secrets out of all text but the masks.
    ///   - write: is given whole lines with their line ends.
    init(
        isOnRunner: Bool, redact: @escaping @Sendable (String) -> String = { $0 },
        write: @escaping @Sendable (String) -> Void
    ) {
        (self.isOnRunner, self.redact, self.write) = (isOnRunner, redact, write)
    }

    /// How much an annotation weighs.
    public enum Level: String, Sendable { case notice, warning, error }

    /// Prints text as it is, but for what the runner would obey.
    public func say(_ text: String) { write(plainLines(redact(text)).joined(separator: "\n") + "\n") }

    /// Adds an annotation to the run.
    public func annotate(_ level: Level, title: String = "Holdfast", _ message: String) {
        obey(WorkflowCommand(name: level.rawValue, properties: [("title", shown(title))], message: shown(message)))
    }

    /// Lets the runner replace a secret by `***` in all that is printed from now on.
    public func mask(_ secret: String) {
        guard isOnRunner else { return }
        // A secret of several lines is masked by lines as well: the log is.
        for part in Set([secret] + secret.split(whereSeparator: \.isNewline).map(String.init))
        where !part.allSatisfy(\.isWhitespace) {
            obey(WorkflowCommand(name: "add-mask", message: part))
        }
    }

    /// Runs the body with its output in a group that can be folded away.
    public func group<Result>(_ title: String, _ body: () async throws -> Result) async rethrows -> Result {
        obey(WorkflowCommand(name: "group", message: shown(title)))
        defer { obey(WorkflowCommand(name: "endgroup")) }
        return try await body()
    }

    /// A runner that does not know a command goes on to look for the older form.
    private func shown(_ text: String) -> String { withoutOldCommands(redact(text)) }

    private func obey(_ command: WorkflowCommand) { write(command.line + "\n") }
}
