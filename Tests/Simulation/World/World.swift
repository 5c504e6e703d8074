import NIOConcurrencyHelpers
import NIOCore
import ObjectStore

/// One simulated world: a store, clocks, and the processes that use them, moved step by step by one pair of dice.
///
/// Every request to the store and every sleep parks its task here. When nothing is runnable any more, ``step()`` picks
/// what happens next, so that the seed decides every interleaving.
package final class World: Sendable {
    let state: NIOLockedValueBox<WorldState>
    private let executor = SimulatedExecutor()

    package init(seed: UInt64, conditions: Conditions, plan: FaultPlan) {
        state = NIOLockedValueBox(WorldState(dice: Dice(seed: seed, part: 1), conditions: conditions, plan: plan))
    }

    /// The raw state of the store.
    package var bucket: Bucket { state.withLockedValue { $0.bucket } }
    /// The server's clock, in nanoseconds since 1970.
    package var now: Int64 { state.withLockedValue { $0.now } }
    package var steps: Int { state.withLockedValue { $0.steps } }
    /// What happened, a line for each step.
    package var trace: [String] { state.withLockedValue { $0.trace } }
    /// Differs if any line of the trace does.
    package var digest: UInt64 { state.withLockedValue { $0.digest } }
    package var escapes: Int { executor.escapes }

    /// Starts a process.
    /// - Parameter body: what it does; a client that crashes never leaves the call it waits in.
    package func start(
        _ name: String, mayCrash: Bool, skew: Int64 = 0, clockStops: Bool = false,
        _ body: @escaping @Sendable (ClientWorld) async -> Void
    ) -> Int {
        let id = state.withLockedValue { state in
            state.clients.append(SimulatedClient(name: name, mayCrash: mayCrash, skew: skew, clockStops: clockStops))
            state.note("\(name) starts")
            return state.clients.count - 1
        }
        let client = ClientWorld(world: self, id: id)
        let task = Task(executorPreference: executor) {
            await body(client)
            self.state.withLockedValue { $0.clients[id].isDone = true }
        }
        state.withLockedValue { $0.clients[id].task = task }
        return id
    }

    /// Runs the tasks that are runnable, until all wait.
    package func drain() { executor.drain() }

    /// Lets one thing happen: a request takes effect, an answer arrives, a sleep ends, a process dies.
    /// - Returns: `false` if nothing is left to happen.
    package func step() -> Bool { state.withLockedValue { $0.step() } }

    /// What has changed in the store since the last call.
    package func takeChanges() -> [Bucket.Change] { state.withLockedValue { $0.bucket.takeChanges() } }

    /// From now on this fails.
    package func begin(_ plan: FaultPlan) { state.withLockedValue { $0.plan = plan } }

    /// From now on nothing fails and nothing is refused; what is under way takes effect or is forgotten. What is damaged
    /// stays so.
    package func calm() {
        state.withLockedValue { state in
            state.plan = .none
            state.endRefusals()
            state.repairs = []
            while !state.lateWrites.isEmpty { state.settleLateWrite(0) }
        }
    }

    /// Repairs all that is damaged.
    package func repair() { state.withLockedValue { $0.repairAll() } }

    /// Ends all tasks, crashed ones too, so that nothing of them stays in memory.
    package func tearDown() {
        let tasks = state.withLockedValue { $0.abandon() }
        for task in tasks { task.cancel() }
        executor.drain()
    }

    package func note(_ line: String) { state.withLockedValue { $0.note(line) } }

    package func isCrashed(_ client: Int) -> Bool { state.withLockedValue { $0.clients[client].isCrashed } }
    package func isDone(_ client: Int) -> Bool { state.withLockedValue { $0.clients[client].isDone } }

    func call(_ request: StoreRequest, from client: Int) async throws(StoreError) -> StoreAnswer {
        let id = state.withLockedValue { $0.nextID() }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { answer in
                self.state.withLockedValue { $0.park(id, request, from: client, answer) }
            }
        } onCancel: {
            self.state.withLockedValue { $0.cancel(id) }
        }
        return try result.get()
    }

    func sleep(_ nanoseconds: Int64, in client: Int) async throws {
        let id = state.withLockedValue { $0.nextID() }
        let isComplete = await withTaskCancellationHandler {
            await withCheckedContinuation { wake in
                self.state.withLockedValue { $0.park(id, for: nanoseconds, in: client, wake) }
            }
        } onCancel: {
            self.state.withLockedValue { $0.cancel(id) }
        }
        if !isComplete { throw CancellationError() }
    }
}

/// The world as one process sees it.
package struct ClientWorld: Sendable {
    package let world: World
    package let id: Int

    package var name: String { world.state.withLockedValue { $0.clients[id].name } }

    /// A store whose requests come from this process.
    package var store: SimulatedStore { SimulatedStore(client: self) }

    /// What this process takes for the time, in nanoseconds since 1970.
    package var wallClock: Int64 { world.state.withLockedValue { $0.now + $0.clients[id].skew } }

    /// Nanoseconds since some moment; never set back.
    package var monotonicClock: Int64 { world.state.withLockedValue { $0.now - $0.start - $0.clients[id].lost } }

    /// - Throws: `CancellationError`.
    package func sleep(nanoseconds: Int64) async throws { try await world.sleep(nanoseconds, in: id) }

    /// Another piece of work begins: the process may be suspended for hours once more.
    package func startsWork() { world.state.withLockedValue { $0.startsWork(id) } }

    /// The step in which the present work began, and what may have looked damaged or absent since then.
    package var circumstances: Circumstances {
        world.state.withLockedValue {
            Circumstances(since: $0.clients[id].workBegan, troubled: $0.clients[id].troubled)
        }
    }

    package func note(_ line: String) {
        world.state.withLockedValue { $0.note("\($0.clients[id].name) \(line)") }
    }
}

/// What a piece of work had to do with.
package struct Circumstances: Sendable {
    /// The step in which it began.
    package let since: Int
    /// Objects that may have looked damaged or absent since then: damaged or removed, or spoiled on their way.
    package let troubled: Set<ObjectKey>
}
