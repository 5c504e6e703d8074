import FoundationEssentials
import NIOConcurrencyHelpers

/// Keeps credentials and renews them in time, for any number of tasks.
///
/// - Below 15 minutes before their end newer ones are fetched; if that fails, the present ones serve on, and the next
///   attempt is made a minute later. Below 10 minutes newer ones are required. Of credentials that live for less than half
///   an hour altogether, the last half and the last third are meant.
/// - One fetch runs at a time, and all who wait share it. Who is cancelled leaves alone; the fetch ends only when nobody
///   waits any more.
/// - An error is told to those who wait, and forgotten: the next request tries again.
public final class CredentialCache: CredentialSource {
    private let resolve: @Sendable () async throws -> ProvidedCredentials
    private let now: @Sendable () -> Date
    private let onResolve: @Sendable (Credentials) -> Void
    private let state = NIOLockedValueBox(State())

    /// Keeps what a chain finds.
    public convenience init(_ chain: CredentialChain) {
        self.init(context: chain.context) { try await chain.resolve() }
    }

    /// Keeps credentials that have been found.
    convenience init(_ provided: ProvidedCredentials, context: CredentialContext) {
        self.init(context: context) { provided }
    }

    init(context: CredentialContext, resolve: @escaping @Sendable () async throws -> ProvidedCredentials) {
        self.resolve = resolve
        now = context.now
        onResolve = context.onResolve
    }

    private struct State {
        /// Where the credentials came from; asked again for newer ones.
        var provided: ProvidedCredentials?
        var lease: CredentialLease?
        /// After a failure that could be ignored: when to try again.
        var nextAttempt = Date.distantPast
        var fetch: Task<Void, Never>?
        /// Counts fetches, so that one which nobody waits for any more cannot answer for its successor.
        var generation = 0
        var waiters: [Int: CheckedContinuation<Credentials, any Error>] = [:]
        var nextWaiter = 0
    }

    /// How many tasks wait for a fetch.
    var waiting: Int { state.withLockedValue { $0.waiters.count } }

    /// Credentials that are valid now.
    /// - Throws: ``CredentialError``; `CancellationError` if the calling task is cancelled.
    public func current() async throws -> Credentials {
        try Task.checkCancellation()
        let moment = now()
        let (lease, isOthersTurn) = state.withLockedValue { state in
            (state.lease, state.fetch != nil || moment < state.nextAttempt)
        }
        switch lease.map({ ($0, $0.need(at: moment)) }) {
        case (let lease, .none)?: return lease.credentials
        case (let lease, .advised)? where isOthersTurn: return lease.credentials
        case (let lease, .advised)?:
            do {
                return try await newer(at: moment)
            } catch  where Self.canBeIgnored(error) {
                state.withLockedValue { $0.nextAttempt = moment.addingTimeInterval(Self.pause) }
                return lease.credentials
            }
        case (_, .required)?, nil: return try await newer(at: moment)
        }
    }

    /// Forgets what is known: the next request searches from the start, in case files or variables have changed.
    public func invalidate() {
        state.withLockedValue { state in
            state.lease = nil
            state.provided = nil
        }
    }

    /// Forgets what is known, unless it has been renewed since.
    /// - Parameter rejected: the credentials that a service did not accept.
    public func invalidate(_ rejected: Credentials) {
        state.withLockedValue { state in
            guard let held = state.lease?.credentials, held.hasSameKeys(as: rejected) else { return }
            state.lease = nil
            state.provided = nil
        }
    }

    /// Waits for the fetch that is running, or starts one.
    private func newer(at moment: Date) async throws -> Credentials {
        let id = state.withLockedValue { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Credentials, any Error>? = state.withLockedValue { state in
                    // Asked under the lock: a cancellation after this finds the waiter in its place.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    // Another task's fetch may have ended since the caller looked.
                    if let lease = state.lease, lease.need(at: moment) == .none { return .success(lease.credentials) }
                    state.waiters[id] = continuation
                    if state.fetch == nil { start(&state) }
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            leave(id)
        }
    }

    /// An unstructured task, for it belongs to all who wait and not to the one who came first. It ends with the fetch, or
    /// is cancelled by the last who leaves.
    private func start(_ state: inout State) {
        state.generation += 1
        let (generation, provided) = (state.generation, state.provided)
        state.fetch = Task {
            do {
                let fetched = try await fetch(provided)
                onResolve(fetched.lease.credentials)
                finish(generation, .success(fetched))
            } catch {
                finish(generation, .failure(error))
            }
        }
    }

    private func leave(_ id: Int) {
        let (waiter, abandoned) = state.withLockedValue { state in
            let waiter = state.waiters.removeValue(forKey: id)
            guard waiter != nil, state.waiters.isEmpty else { return (waiter, Task<Void, Never>?.none) }
            defer { state.fetch = nil }
            return (waiter, state.fetch)
        }
        abandoned?.cancel()
        waiter?.resume(throwing: CancellationError())
    }

    private func finish(_ generation: Int, _ result: Result<Fetched, any Error>) {
        let waiters: [CheckedContinuation<Credentials, any Error>] = state.withLockedValue { state in
            guard state.generation == generation, state.fetch != nil else { return [] }
            state.fetch = nil
            if case .success(let fetched) = result {
                state.lease = fetched.lease
                state.provided = fetched.provided
                state.nextAttempt = fetched.nextAttempt
            }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result.map(\.lease.credentials)) }
    }

    /// Result of a fetch.
    private struct Fetched {
        let provided: ProvidedCredentials
        let lease: CredentialLease
        var nextAttempt = Date.distantPast
    }

    private func fetch(_ known: ProvidedCredentials?) async throws -> Fetched {
        if let known { return Fetched(provided: known, lease: try await renewed(known)) }
        let provided = try await resolve()
        if let initial = provided.initial {
            let lease = CredentialLease(initial)
            let need = lease.need(at: now())
            if need == .none { return Fetched(provided: provided, lease: lease) }
            do {
                return Fetched(provided: provided, lease: try await renewed(provided))
            } catch  where need == .advised && Self.canBeIgnored(error) {
                return Fetched(provided: provided, lease: lease, nextAttempt: now().addingTimeInterval(Self.pause))
            }
        }
        return Fetched(provided: provided, lease: try await renewed(provided))
    }

    /// Seconds before another attempt after a failure that was ignored.
    private static let pause = 60.0

    /// Whether the present credentials can serve on after a failed renewal. Expired ones in an answer speak of a broken
    /// source, or a wrong clock.
    private static func canBeIgnored(_ error: any Error) -> Bool {
        !(error is CancellationError) && (error as? CredentialError)?.code != .expired
    }

    private func renewed(_ provided: ProvidedCredentials) async throws -> CredentialLease {
        guard let credentials = try await provided.refresh?() ?? provided.initial else {
            throw CredentialError.notFound(looked: [])
        }
        let moment = now()
        if let end = credentials.expiration, end <= moment {
            throw CredentialError(
                .expired, "The newest credentials from \(credentials.provider) have expired already.",
                advice: "Renew them at their source, and check the clock of this machine.")
        }
        return CredentialLease(credentials, fetched: moment)
    }
}

extension Credentials {
    fileprivate func hasSameKeys(as other: Credentials) -> Bool {
        accessKeyID == other.accessKeyID && secretAccessKey == other.secretAccessKey
            && sessionToken == other.sessionToken
    }
}
