import ArgumentParser
import Glibc
import Holdfast
import NIOConcurrencyHelpers
import UnixSignals

/// How a command ends.
enum Exit {
    static let failed: Int32 = 1
    static let usage: Int32 = 64
    /// A conflict or lock that may pass.
    static let temporary: Int32 = 75

    static func code(_ error: SyncError) -> Int32 { error.mayPass ? temporary : failed }
}

/// Runs a command's work: interruptible, with every failure reported in the same way.
/// - Parameters:
///   - name: the command, for messages.
///   - failure: what `--json` prints if the work throws.
///   - work: does the work with the settings and the console; what it throws ends the command.
func perform(
    _ name: String, _ memory: MemoryOptions, _ options: OutputOptions,
    failure: @escaping @Sendable (SyncError) -> any Encodable = { FailureReport(error: ErrorReport($0)) },
    _ work: @escaping @Sendable (Settings, Console) async throws -> Void
) async throws {
    let world = World.current
    let console = NIOLockedValueBox(Console.plain(options, world: world))
    do {
        try await interruptible {
            let file: ConfigFile? = if let path = memory.config { try await ConfigFile(path: path) } else { nil }
            let configured = try Console(options, file: file, world: world)
            console.withLockedValue { $0 = configured }
            try await work(try await Settings.resolve(memory.given, file: file, world: world), configured)
        }
    } catch let error as ExitCode {
        throw error
    } catch {
        let console = console.withLockedValue { $0 }
        let problem = error is UsageError ? usageProblem(error) : SyncError(error)
        console.report(failure(problem))
        console.fail(name, problem)
        if let interruption = error as? Interruption { throw ExitCode(128 + interruption.signal) }
        throw ExitCode(error is UsageError ? Exit.usage : Exit.code(problem))
    }
}

private func usageProblem(_ error: any Error) -> SyncError {
    SyncError(code: "usage", message: "\(error)", hint: (error as? UsageError)?.hint)
}

/// The user or the system asked the command to stop.
struct Interruption: Error, CustomStringConvertible {
    let signal: Int32
    var description: String { "interrupted by \(signal == SIGINT ? "SIGINT" : "SIGTERM")" }
}

/// Runs work that SIGINT and SIGTERM cancel. A second signal ends the process at once.
private func interruptible(_ work: @escaping @Sendable () async throws -> Void) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    try await withThrowingTaskGroup(of: Int32?.self) { group in
        group.addTask {
            try await work()
            return nil
        }
        group.addTask {
            for await signal in signals { return signal == .sigint ? SIGINT : SIGTERM }
            return nil
        }
        guard let signal = try await group.next() ?? nil else {
            group.cancelAll()
            return
        }
        group.cancelAll()
        group.addTask {
            for await _ in signals { _exit(128 + signal) }
            return nil
        }
        // The work cleans up: it aborts uploads and removes what it staged.
        _ = try? await group.next()
        group.cancelAll()
        throw Interruption(signal: signal)
    }
}
