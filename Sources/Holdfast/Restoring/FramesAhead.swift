import FileIO
import NIOCore
import NIOPosix
import Repository
import Synchronization

/// Frames that are fetched and expanded while it is still being decided what becomes of them.
///
/// A pull into an empty place needs every frame of its snapshot, whatever else there is to be found out before the first
/// file may be written. That takes one core as long as the first frames take to arrive; so nobody waits for the other.
///
/// ``read(_:of:)`` runs beside the decision, which ends in ``deliver(to:)`` or ``cancel()``.
final class FramesAhead: Sendable {
    /// Takes a frame, on the thread pool. Several are handed over at a time.
    typealias Use = @Sendable (FrameLocation, FrameContent) throws -> Void

    /// A dozen frames may wait at a time. Those with more content than this, in bytes, wait as they are stored.
    private static let longest = 2 << 20

    private let isDecided = Atomic(false)
    private let use: EventLoopPromise<Use>
    private let end: EventLoopPromise<Void>

    init() {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        (use, end) = (loop.makePromise(), loop.makePromise())
    }

    /// Fetches frames and hands over each as soon as it is known to whom.
    func read(_ frames: Set<FrameLocation>, of repository: Repository) async {
        do {
            try await repository.readFrames(frames) { [use] frame in
                // Once it is decided, a frame is used as soon as it is expanded, while the processor has it in its cache.
                let isEarly = !self.isDecided.load(ordering: .relaxed) && frame.location.length <= Self.longest
                let early = isEarly ? try await FileIO.run { try frame.expand() } : nil
                let use = try await use.futureResult.get()
                try await FileIO.run { try use(frame.location, early ?? frame.expand()) }
            }
            end.succeed()
        } catch {
            end.fail(error)
        }
    }

    /// Says what to do with the frames, and waits until it is done with all of them.
    /// - Throws: ``RepositoryError`` of kind `damaged`, ``StoreError``, or what `use` throws.
    func deliver(to use: @escaping Use) async throws {
        isDecided.store(true, ordering: .relaxed)
        self.use.succeed(use)
        try await end.futureResult.get()
    }

    /// The frames are not wanted; nothing happens after ``deliver(to:)``.
    func cancel() {
        use.fail(CancellationError())
        // Nobody may have asked to read at all.
        end.fail(CancellationError())
    }
}
