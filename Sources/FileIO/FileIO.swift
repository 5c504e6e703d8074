import Basics
import NIOPosix
import Synchronization

/// Files by descriptor, for code that must not follow links or lose the difference between two byte strings.
///
/// The calls block, so they run on NIO's thread pool and never on the cooperative one.
public enum FileIO {
    /// Runs blocking work on the thread pool.
    /// - Throws: what `work` throws.
    public static func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await NIOThreadPool.singleton.runIfActive(work)
    }

    /// Runs blocking work that looks now and then whether it is still wanted.
    /// - Parameter work: calls ``Cancellation/check()`` where it can stop.
    /// - Throws: what `work` throws; `CancellationError` once the task is cancelled and `work` has noticed.
    public static func run<T: Sendable>(
        _ work: @escaping @Sendable (Cancellation) throws -> T
    ) async throws -> T {
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await run { try work(cancellation) }
        } onCancel: {
            cancellation.cancel()
        }
    }

    /// Runs blocking work that has to happen even if the task is cancelled, such as removing what it made.
    public static func cleanUp(_ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            NIOThreadPool.singleton.submit { _ in
                work()
                continuation.resume()
            }
        }
    }

    /// Runs blocking work that nobody waits for, such as giving back what is wanted no more. It is not done if the process ends
    /// before.
    public static func inBackground(_ work: @escaping @Sendable () -> Void) {
        NIOThreadPool.singleton.submit { _ in work() }
    }

    /// A name for a temporary file: the prefix, 16 random hex digits, `.tmp`.
    public static func temporaryName(_ prefix: String) -> [UInt8] {
        Array("\(prefix)\(Hexadecimal.text(UInt64.random(in: .min ... .max))).tmp".utf8)
    }
}

/// Tells blocking work, which runs outside its task, that the task was cancelled.
public final class Cancellation: Sendable {
    private let cancelled = Atomic(false)

    public init() {}

    public func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// - Throws: `CancellationError` after ``cancel()``.
    public func check() throws(CancellationError) {
        if cancelled.load(ordering: .relaxed) { throw CancellationError() }
    }
}
