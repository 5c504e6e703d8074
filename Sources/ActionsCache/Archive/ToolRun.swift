import FileIO
import NIOCore
import Subprocess

/// A program that could not do its work.
struct ToolError: Error, Equatable {
    enum Kind { case missing, failed }
    let kind: Kind
    let reason: String
}

/// A program of this machine, run without a shell, with no input and only the environment that it needs: the token stays here.
struct ToolRun: Sendable {
    let program: String
    let arguments: [String]
    /// Directories to find the program in, as `PATH` has them.
    let searchPath: String
    var directory: String?

    private static let messageLimit = 1 << 16

    /// Runs it to its end.
    /// - Returns: what it printed, on both outputs.
    /// - Throws: ``ToolError``; `CancellationError`.
    @discardableResult
    func run() async throws -> String {
        let result = try await started {
            try await Subprocess.run(
                executable, arguments: Arguments(arguments), environment: environment,
                workingDirectory: directory.map { literal($0) }, platformOptions: platformOptions,
                output: .bytes(limit: Self.messageLimit), error: .bytes(limit: Self.messageLimit))
        }
        try check(result.terminationStatus, result.standardError)
        return String(decoding: result.standardOutput + result.standardError, as: UTF8.self)
    }

    /// Runs it, and hands over what it prints while it does.
    /// - Throws: ``ToolError``; `CancellationError`; what `body` throws, once the program has ended.
    func run(_ body: (ByteBuffer) async throws -> Void) async throws {
        let result = try await started {
            try await Subprocess.run(
                executable, arguments: Arguments(arguments), environment: environment,
                workingDirectory: directory.map { literal($0) }, platformOptions: platformOptions, input: .none,
                output: .sequence, error: .bytes(limit: Self.messageLimit)
            ) { execution in
                for try await piece in execution.standardOutput {
                    try await body(piece.withUnsafeBytes { ByteBuffer(bytes: $0) })
                }
            }
        }
        try check(result.terminationStatus, result.standardError)
    }

    private func started<Result>(_ work: () async throws -> Result) async throws -> Result {
        do { return try await work() } catch let error as SubprocessError {
            try Task.checkCancellation()
            // In our own words: those of the library quote the environment.
            if error.code == .executableNotFound {
                throw ToolError(kind: .missing, reason: "'\(program)' is not installed")
            }
            if error.code == .outputLimitExceeded {
                throw ToolError(kind: .failed, reason: "'\(program)' printed too much")
            }
            throw ToolError(
                kind: .failed,
                reason: "'\(program)': \(error.underlyingError.map { "\($0)" } ?? "it could not be started")")
        }
    }

    private func check(_ status: TerminationStatus, _ message: [UInt8]) throws {
        try Task.checkCancellation()
        let ending: String
        switch status {
        case .exited(0): return
        case .exited(let code): ending = "status \(code)"
        case .signaled(let signal): ending = "signal \(signal)"
        }
        let line = message.split(separator: UInt8(ascii: "\n")).first.map { ": " + printable($0.prefix(300)) } ?? ""
        throw ToolError(kind: .failed, reason: "'\(program)' ended with \(ending)\(line)")
    }

    private var executable: Executable { program.contains("/") ? .path(literal(program)) : .name(program) }

    /// With a NUL at the end, for the entries are handed to C as they are.
    private var environment: Environment {
        .custom([Array("PATH=\(searchPath)".utf8) + [0], Array("LC_ALL=C".utf8) + [0]])
    }

    /// A process group of its own, so that a compressor that tar has started is stopped with it.
    private var platformOptions: PlatformOptions {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(300)),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(100)),
        ]
        return options
    }

    /// A value of a type that is written as text, here a path of a module that is not imported.
    private func literal<Text: ExpressibleByStringLiteral>(_ text: String) -> Text
    where Text.StringLiteralType == String {
        Text(stringLiteral: text)
    }
}
