import ArgumentParser
import Basics
import Holdfast
import HoldfastActions
import HoldfastLogging

/// One phase of the GitHub Action at work: what `action main` and `action post` have in common.
///
/// All that is printed goes to standard output, in one order, and the runner obeys none of it but the annotations, groups
/// and masks that are made here.
struct ActionPhase: Sendable {
    let runner: Runner
    let request: ActionRequest
    let settings: Settings
    let console: Console

    /// What main tells post if it could not even start: then there is nothing that post could do better.
    private static let unusable = "unusable"

    /// Runs a phase: what it throws, and what the inputs have wrong, becomes an annotation and the exit code.
    static func run(
        _ name: String, isFirst: Bool, _ work: @escaping @Sendable (ActionPhase) async throws -> Void
    ) async throws {
        let (console, runner) = try surroundings(World.current)
        if !isFirst, runner.kept(unusable) != nil {
            runner.log.say("Holdfast did not start in this job, so there is nothing to save.")
            return
        }
        do {
            try await interruptible(console.world) { try await attempt(runner, console, isFirst: isFirst, work) }
        } catch let error as ExitCode {
            throw error
        } catch {
            let (problem, code) = ending(error)
            if error is Interruption {
                runner.log.say("holdfast action \(name): \(problem.message)")
            } else {
                runner.log.annotate(.error, sentence(problem))
            }
            throw ExitCode(code)
        }
    }

    /// What cannot be used as it is written is noted for post.
    private static func attempt(
        _ runner: Runner, _ console: Console, isFirst: Bool,
        _ work: @escaping @Sendable (ActionPhase) async throws -> Void
    ) async throws {
        // The error is kept as a value: see docs/decisions/0006-compiler.md.
        var failure: (any Error)?
        do { try await prepare(runner, console).gently(work) } catch { failure = error }
        guard let failure else { return }
        if isFirst, failure is UsageError { try await runner.keep(unusable, "true") }
        throw failure
    }

    /// The console and the runner, with one redactor for both.
    private static func surroundings(_ outer: World) throws -> (Console, Runner) {
        let write: @Sendable (String) -> Void = { lines in outer.out(String(lines.dropLast())) }
        let plain = Runner(environment: outer.environment, redact: { $0 }, write: write).log
        var world = outer
        world.out = { plain.say($0) }
        world.err = { text in plain.say(text.hasSuffix("\n") ? String(text.dropLast()) : text) }
        world.errIsTerminal = false
        world.conceal = { plain.mask($0) }
        var options = try OutputOptions.parse([])
        // People read the log of a job.
        if world.variable("HOLDFAST_LOG_FORMAT") == nil { options.logFormat = "text" }
        if world.variable("RUNNER_DEBUG") == "1" { options.verbose = 1 }
        let console = try Console(options, file: nil, world: world)
        for name in ["ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"] {
            if let token = world.variable(name) { console.conceal(token) }
        }
        let redactor = console.redactor
        return (console, Runner(environment: outer.environment, redact: { redactor.redact($0) }, write: write))
    }

    private static func prepare(_ runner: Runner, _ console: Console) async throws -> ActionPhase {
        let world = console.world
        let request = try ActionRequest(runner.inputs, home: world.variable("HOME") ?? world.accountHome)
        var settings = try await Settings.resolve(
            request.flags, names: ActionRequest.names, file: nil, world: world)
        settings.role = request.role
        return ActionPhase(runner: runner, request: request, settings: settings, console: console)
    }

    /// Does the work: trouble with the store is a warning, or an error if the inputs want that. What the author of the
    /// workflow got wrong, and interruptions, end the phase as always.
    private func gently(_ work: @Sendable (ActionPhase) async throws -> Void) async throws {
        do { try await work(self) } catch {
            guard !(error is UsageError), !(error is ExitCode), !(error is CancellationError), !Task.isCancelled else {
                throw error
            }
            try trouble(ending(error).problem)
        }
    }

    /// Says what went wrong.
    /// - Throws: `ExitCode` if trouble is to fail the step.
    func trouble(_ problem: SyncError) throws {
        runner.log.annotate(settings.isStrict ? .error : .warning, Self.sentence(problem))
        if settings.isStrict { throw ExitCode(Exit.failed) }
    }

    /// Hands something to the runner. That it cannot is a warning: the memory is restored or saved all the same.
    func handOver(_ work: () async throws -> Void) async {
        do { try await work() } catch { runner.log.annotate(.warning, "\(error)") }
    }

    /// What went wrong and what to do about it.
    static func sentence(_ problem: SyncError) -> String {
        problem.hint.map { "\(problem.message)\n\($0)" } ?? problem.message
    }
}
