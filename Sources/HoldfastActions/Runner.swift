/// The runner of GitHub Actions, as one phase of an action sees it.
///
/// HoldfastActions is the part of Holdfast that knows the contract between a runner and an action: inputs come in as
/// variables, outputs and state go back through files, annotations and masks through lines of the job's log, and a step
/// may leave a summary in markdown (GitHub's documentation, "Workflow commands for GitHub Actions" and "Metadata syntax").
/// It keeps text that others wrote from being taken for any of these. It knows nothing of memories and stores.
public struct Runner: Sendable {
    /// Inputs that the workflow sets.
    public let inputs: ActionInputs
    /// The log of the job.
    public let log: JobLog
    private let environment: [String: String]
    private let redact: @Sendable (String) -> String

    /// - Parameters:
    ///   - environment: all variables of the process.
    ///   - redact: takes secrets out of a text before it goes anywhere; the masks alone do not pass it.
    ///   - write: is given whole lines for standard output, with their line ends.
    public init(
        environment: [String: String], redact: @escaping @Sendable (String) -> String,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.environment = environment
        self.redact = redact
        inputs = ActionInputs(environment)
        log = JobLog(isOnRunner: environment["GITHUB_ACTIONS"] == "true", redact: redact, write: write)
    }

    /// Value that an earlier phase of the same step kept with ``keep(_:_:)``; `nil` if there is none.
    public func kept(_ name: String) -> String? { environment["STATE_\(name)"].flatMap { $0.isEmpty ? nil : $0 } }

    /// Keeps a value for a later phase of the same step.
    /// - Throws: ``RunnerFileError``.
    public func keep(_ name: String, _ value: String) async throws(RunnerFileError) {
        try await append(FileRecord(name: name, value: value).text, to: .state)
    }

    /// Sets an output of the step.
    /// - Throws: ``RunnerFileError``.
    public func setOutput(_ name: String, _ value: String) async throws(RunnerFileError) {
        try await append(FileRecord(name: name, value: redact(value)).text, to: .output)
    }

    /// A summary without a word in it yet.
    /// - Parameter title: what happened, in words of our own.
    public func summary(_ title: String) -> StepSummary { StepSummary(title: title, redact: redact) }

    /// Adds to the summary of the step.
    /// - Throws: ``RunnerFileError``.
    public func summarize(_ summary: StepSummary) async throws(RunnerFileError) {
        try await append(summary.markdown, to: .summary)
    }

    /// Appends to one of the runner's files. Without one, as where nobody reads it, nothing is written.
    private func append(_ text: String, to file: RunnerFile) async throws(RunnerFileError) {
        guard let path = environment[file.variable], !path.isEmpty else { return }
        try await file.append(text, path: path)
    }
}
