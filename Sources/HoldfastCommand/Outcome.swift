import ArgumentParser
import Glibc
import Holdfast
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
///   - work: does the work with the console; what it throws ends the command.
func perform(
    _ name: String, _ options: OutputOptions, _ work: @escaping @Sendable (Console) async throws -> Void
) async throws {
    let world = World.current
    let console: Console
    do { console = try Console(options, world: world) } catch {
        world.err("holdfast \(name): \(error)\n")
        throw ExitCode(Exit.usage)
    }
    do {
        try await interruptible { try await work(console) }
    } catch let error as ExitCode {
        throw error
    } catch let error as UsageError {
        let problem = SyncError(code: "usage", message: error.description, hint: error.hint)
        console.report(FailureReport(error: ErrorReport(problem)))
        console.fail(name, problem)
        throw ExitCode(Exit.usage)
    } catch let error as Interruption {
        throw ExitCode(128 + error.signal)
    } catch {
        let problem = SyncError(error)
        console.report(FailureReport(error: ErrorReport(problem)))
        console.fail(name, problem)
        throw ExitCode(Exit.code(problem))
    }
}

/// The user or the system asked the command to stop.
struct Interruption: Error {
    let signal: Int32
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
