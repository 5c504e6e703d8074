import ArgumentParser
import Basics
import Glibc
import Holdfast
import NIOConcurrencyHelpers
import UnixSignals

/// How a command ends.
enum Exit {
    static let failed: Int32 = 1
    /// `verify` found damage, or `doctor` a problem.
    static let damage: Int32 = 2
    static let usage: Int32 = 64
    /// A conflict or lock that may pass.
    static let temporary: Int32 = 75

    static func code(_ error: SyncError) -> Int32 { error.passesByItself ? temporary : failed }
}

/// Runs a command's work: interruptible, with every failure reported in the same way.
/// - Parameters:
///   - name: the command, for messages.
///   - more: settings by options of the command's own.
///   - handlesSignals: whether the work itself knows what to do about SIGINT and SIGTERM.
///   - failure: what `--json` prints if the work throws.
///   - work: does the work with the settings and the console; what it throws ends the command.
func perform(
    _ name: String, _ memory: MemoryOptions, _ options: OutputOptions, flags more: [Setting: String] = [:],
    handlesSignals: Bool = false,
    failure: @escaping @Sendable (SyncError) -> any Encodable = { FailureReport(error: ErrorReport($0)) },
    _ work: @escaping @Sendable (Settings, Console) async throws -> Void
) async throws {
    let world = World.current
    let console = NIOLockedValueBox(Console.plain(options, world: world))
    do {
        let whole: @Sendable () async throws -> Void = {
            let file: ConfigFile? = if let path = memory.config { try await ConfigFile(path: path) } else { nil }
            let configured = try Console(options, file: file, world: world)
            console.withLockedValue { $0 = configured }
            var flags = memory.given
            flags[.logFormat] = options.logFormat
            flags.merge(more) { $1 }
            try await work(try await Settings.resolve(flags, file: file, world: world), configured)
        }
        try await handlesSignals ? whole() : interruptible(world, whole)
    } catch let error as ExitCode {
        throw error
    } catch {
        let console = console.withLockedValue { $0 }
        let (problem, code) = ending(error)
        console.report(failure(problem))
        console.fail(name, problem)
        throw ExitCode(code)
    }
}

/// ``perform(_:_:_:flags:failure:_:)`` for work that must not fail the run: trouble is a warning and exit code 0, or 1 where
/// the settings are strict. What the user got wrong, and interruptions, end the command as always.
func performGently(
    _ name: String, _ memory: MemoryOptions, _ flags: [Setting: String], _ options: OutputOptions,
    failure: @escaping @Sendable (SyncError) -> any Encodable,
    _ work: @escaping @Sendable (Settings, Console) async throws -> Void
) async throws {
    try await perform(name, memory, options, flags: flags, failure: failure) { settings, console in
        do { try await work(settings, console) } catch {
            guard !(error is UsageError), !(error is ExitCode), !(error is CancellationError), !Task.isCancelled else {
                throw error
            }
            let problem = ending(error).problem
            console.report(failure(problem))
            if settings.isStrict {
                console.fail(name, problem)
                throw ExitCode(Exit.failed)
            }
            console.note(problem.message)
            if let hint = problem.hint { console.note("hint: \(hint)", isWarning: false) }
        }
    }
}

/// What ended a command, in words, and its exit code.
func ending(_ error: any Error) -> (problem: SyncError, code: Int32) {
    switch error {
    case let error as UsageError:
        return (error.failure, Exit.usage)
    case let error as Interruption:
        return (error.failure, 128 + error.signal)
    default:
        let problem = SyncError(error)
        return (problem, Exit.code(problem))
    }
}

/// The user or the system asked the command to stop.
struct Interruption: FailureConvertible, CustomStringConvertible {
    let signal: Int32
    var failure: Failure { Failure(code: .cancelled, message: description) }
    var description: String { "interrupted by \(signal == SIGINT ? "SIGINT" : "SIGTERM")" }
}

/// How long a command may clean up after a signal. GitHub's runner sends SIGTERM 7.5 s after SIGINT.
private let grace = Duration.seconds(5)

/// Runs work that SIGINT and SIGTERM cancel. A second signal, or ``grace`` without an end, ends the process at once.
func interruptible(_ world: World, _ work: @escaping @Sendable () async throws -> Void) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let received = NIOLockedValueBox<Int32?>(nil)
    // A task of its own, so that a signal cancels the work and not those who wait for it. It is awaited below.
    let work = Task { try await work() }
    let result = await withTaskGroup(of: Void.self) { group in
        group.addTask {
            await withDiscardingTaskGroup { timers in
                for await name in signals {
                    let signal = name == .sigint ? SIGINT : SIGTERM
                    guard received.withLockedValue({ $0 }) == nil else { _exit(128 + signal) }
                    received.withLockedValue { $0 = signal }
                    work.cancel()
                    timers.addTask {
                        guard (try? await Task.sleep(for: grace)) != nil else { return }
                        world.err("holdfast: \(Interruption(signal: signal)), before the clean-up was done\n")
                        _exit(128 + signal)
                    }
                }
            }
        }
        let result = await work.result
        group.cancelAll()
        return result
    }
    // Work that came to its end all the same has reported it.
    if case .failure(let error) = result {
        guard !(error is ExitCode), let signal = received.withLockedValue({ $0 }) else { throw error }
        throw Interruption(signal: signal)
    }
}
