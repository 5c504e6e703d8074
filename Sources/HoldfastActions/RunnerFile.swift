import FileIO
import NIOCore

/// A file through which a step talks to the runner; each step has its own.
enum RunnerFile: String, Sendable {
    case output, state
    case summary = "step_summary"

    /// The variable that holds the file's path.
    var variable: String { "GITHUB_\(rawValue.uppercased())" }

    /// Appends to the file; the runner may have written to it before.
    /// - Throws: ``RunnerFileError``.
    func append(_ text: String, path: String) async throws(RunnerFileError) {
        do {
            try await FileIO.run {
                let file = try File.open(path, [.write, .create])
                try file.write(ByteBuffer(string: text), at: file.status().size)
            }
        } catch {
            throw RunnerFileError(
                description: "The runner's file of \(variable) cannot be written: \(error)")
        }
    }
}

/// An output, a state or a summary did not reach the runner.
public struct RunnerFileError: Error, Sendable, CustomStringConvertible {
    public let description: String
}
