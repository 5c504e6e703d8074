import Basics
import Subprocess

/// Runs a program and collects what it prints.
public protocol CredentialProcessRunner: Sendable {
    /// - Parameters:
    ///   - words: the program, by path or by name to be found in `PATH`, and its arguments. No shell is involved.
    ///   - environment: all of its environment.
    /// - Throws: ``CredentialProcessError``; `CancellationError`.
    func run(_ words: [String], environment: [String: String]) async throws -> CredentialProcessResult
}

/// A program's output, and how it ended.
public struct CredentialProcessResult: Sendable {
    /// The exit status; 128 and the number of the signal that ended it, as shells count.
    public var status: Int
    public var output: [UInt8]
    public var errorOutput: [UInt8]

    public init(status: Int, output: [UInt8], errorOutput: [UInt8] = []) {
        self.status = status
        self.output = output
        self.errorOutput = errorOutput
    }
}

/// Why a program gave no result.
public enum CredentialProcessError: Error, Sendable, Equatable, CustomStringConvertible {
    case notStarted(String)
    case tooSlow(Duration)
    case tooMuchOutput

    public var description: String {
        switch self {
        case .notStarted(let reason): reason
        case .tooSlow(let limit): "it did not end within \(limit)"
        case .tooMuchOutput: "it printed more than 64 KiB"
        }
    }
}

/// ``CredentialProcessRunner`` on swift-subprocess, with limits for time and output.
///
/// The program has no standard input, and a process group of its own, so that all it has started is stopped with it.
public struct SubprocessCredentialRunner: CredentialProcessRunner {
    static let outputLimit = 1 << 16
    private let limit: Duration

    /// - Parameter limit: how long a program may run.
    public init(limit: Duration = .seconds(60)) { self.limit = limit }

    public func run(_ words: [String], environment: [String: String]) async throws -> CredentialProcessResult {
        guard let program = words.first else { throw CredentialProcessError.notStarted("no program is named") }
        do {
            return try await withTimeLimit(limit) {
                try await Self.start(program, Array(words.dropFirst()), environment)
            }
        } catch let error as TimeLimitExceeded {
            throw CredentialProcessError.tooSlow(error.limit)
        }
    }

    private static func start(
        _ program: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> CredentialProcessResult {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500)),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(100)),
        ]
        // With a NUL at the end, for the entries are handed to C as they are.
        let variables = environment.map { Array("\($0.key)=\($0.value)".utf8) + [0] }
        do {
            let result = try await Subprocess.run(
                program.contains("/") ? .path(literal(program)) : .name(program), arguments: Arguments(arguments),
                environment: .custom(variables), platformOptions: options, output: .bytes(limit: outputLimit),
                error: .bytes(limit: outputLimit))
            return CredentialProcessResult(
                status: status(result.terminationStatus), output: result.standardOutput,
                errorOutput: result.standardError)
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw reason(error)
        }
    }

    /// In our own words: those of the library quote the environment, which may hold secrets.
    private static func reason(_ error: SubprocessError) -> CredentialProcessError {
        switch error.code {
        case .outputLimitExceeded: .tooMuchOutput
        case .executableNotFound: .notStarted("it was not found")
        default: .notStarted(error.underlyingError.map { "\($0)" } ?? "it could not be started")
        }
    }

    /// A value of a type that is written as text, here a path of a module that is not imported.
    private static func literal<Text: ExpressibleByStringLiteral>(_ text: String) -> Text
    where Text.StringLiteralType == String {
        Text(stringLiteral: text)
    }

    private static func status(_ status: TerminationStatus) -> Int {
        switch status {
        case .exited(let code): Int(code)
        case .signaled(let signal): 128 + Int(signal)
        }
    }
}
