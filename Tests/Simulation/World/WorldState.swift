import NIOCore
import ObjectStore

/// All that a world remembers. It is only touched under the world's lock, and by one thread.
struct WorldState: Sendable {
    /// How long after it was sent a request can still take effect: S3 refuses one whose signature is older.
    static let requestLifetime: Int64 = 15 * 60 * 1_000_000_000

    let start: Int64 = 1_700_000_000_000_000_000
    var now: Int64
    var dice: Dice
    var plan: FaultPlan
    var bucket: Bucket
    var clients: [SimulatedClient] = []
    var calls: [ParkedCall] = []
    var sleepers: [Sleeper] = []
    var lateWrites: [LateWrite] = []
    /// What crashed processes waited for. Their tasks end when the world is torn down.
    var abandoned: [ParkedCall] = []
    /// How often in a row the content of an object was spoiled on its way. Chance does not do that for ever, and a reader
    /// could not tell it from damage in the store.
    var spoiled: [ObjectKey: Int] = [:]
    /// Of 1,000 steps, how many go on with the client that moved last.
    let stickiness: Int
    var lastClient: Int?
    var crashesLeft = 8
    var damageCount = 0
    /// When damaged objects are repaired; those that are not here stay as they are.
    var repairs: [Trouble] = []
    /// Objects that the store does not hand out for a time.
    var refusals: [Trouble] = []
    /// Beginnings of keys that may not be listed for a time.
    var refusedListings: [Trouble] = []
    private(set) var steps = 0
    private(set) var trace: [String] = []
    private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private var lastID = 0

    init(dice: Dice, conditions: Conditions, plan: FaultPlan) {
        self.dice = dice
        self.plan = plan
        bucket = Bucket(conditions: conditions)
        now = start
        stickiness = self.dice.pick([0, 300, 700, 900])
    }

    mutating func nextID() -> Int {
        lastID += 1
        return lastID
    }

    /// Adds a line to the trace.
    mutating func note(_ line: String) {
        trace.append(line)
        for byte in line.utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
        digest = (digest ^ 10) &* 0x100_0000_01B3
    }

    mutating func park(
        _ id: Int, _ request: StoreRequest, from client: Int, _ answer: CheckedContinuation<StoreResult, Never>
    ) {
        if clients[client].isOver {
            answer.resume(returning: .failure(request.error(.cancelled, "was cancelled")))
            return
        }
        var call = ParkedCall(
            id: id, client: client, request: request, sentAt: now, keyWasFree: isFree(request),
            troubled: clients[client].troubled, answer: answer)
        call.isCancelled = cancelled.remove(id) != nil
        calls.append(call)
    }

    mutating func park(
        _ id: Int, for nanoseconds: Int64, in client: Int, _ wake: CheckedContinuation<Bool, Never>
    ) {
        if clients[client].isOver {
            wake.resume(returning: false)
            return
        }
        var sleeper = Sleeper(id: id, client: client, due: now + max(0, nanoseconds), wake: wake)
        sleeper.isCancelled = cancelled.remove(id) != nil
        sleepers.append(sleeper)
    }

    /// Calls that were cancelled before they parked.
    private var cancelled: Set<Int> = []

    mutating func cancel(_ id: Int) {
        if let index = calls.firstIndex(where: { $0.id == id }) {
            calls[index].isCancelled = true
        } else if let index = sleepers.firstIndex(where: { $0.id == id }) {
            sleepers[index].isCancelled = true
        } else {
            cancelled.insert(id)
        }
    }

    func isFree(_ request: StoreRequest) -> Bool {
        guard case .put(let key, _, _) = request else { return true }
        return bucket[key] == nil
    }

    /// Ends every wait, and every further one at once.
    /// - Returns: the tasks to be cancelled.
    mutating func abandon() -> [Task<Void, Never>] {
        for index in clients.indices { clients[index].isOver = true }
        for call in calls + abandoned {
            call.answer.resume(returning: .failure(call.request.error(.cancelled, "was cancelled")))
        }
        for sleeper in sleepers { sleeper.wake.resume(returning: false) }
        calls.removeAll()
        abandoned.removeAll()
        sleepers.removeAll()
        return clients.compactMap(\.task)
    }

    /// Lets one thing happen.
    /// - Returns: `false` if nothing is left to happen.
    mutating func step() -> Bool {
        steps += 1
        now += Int64(dice.number(in: 1...100)) * 1_000_000
        endTroubles()
        if steps == plan.crashStep, crashOne() { return true }
        if plan.crash > 0, crashesLeft > 0, dice.chance(plan.crash), crashOne() { return true }
        if plan.pause > 0, dice.chance(plan.pause), pauseOne() { return true }
        if plan.damage > 0, dice.chance(plan.damage), damageOne() { return true }
        if plan.loss > 0, dice.chance(plan.loss), loseOne() { return true }
        if plan.refusal > 0, dice.chance(plan.refusal), refuseOne() { return true }
        if plan.refusedListing > 0, dice.chance(plan.refusedListing), refuseListing() { return true }

        let ready = calls.indices.filter { clients[calls[$0].client].pausedUntil == nil }
        let event = nextTimedEvent(ready)
        let weights = [ready.isEmpty ? 0 : 12, event == nil ? 0 : 3, lateWrites.isEmpty ? 0 : 1]
        guard weights.contains(where: { $0 > 0 }) else { return false }
        switch dice.pick(weights: weights) {
        case 0: perform(pick(ready))
        case 1: if let event { happen(event) }
        default: settleLateWrite(dice.number(in: 0...(lateWrites.count - 1)))
        }
        return true
    }

    private mutating func pick(_ ready: [Int]) -> Int {
        if let oldest = ready.first, now - calls[oldest].sentAt > Self.requestLifetime / 2 { return oldest }
        if let lastClient, dice.chance(stickiness) {
            let same = ready.filter { calls[$0].client == lastClient }
            if !same.isEmpty { return dice.pick(same) }
        }
        return dice.pick(ready)
    }
}
