import NIOCore
import ObjectStore

/// A request to the simulated store.
enum StoreRequest: Sendable {
    case get(ObjectKey, Range<Int64>?, ifMatch: ETag?)
    case head(ObjectKey)
    case put(ObjectKey, ByteBuffer, WriteRule)
    case page(prefix: String, after: String?, limit: Int)
    case delete([ObjectKey])
    case holds(ObjectKey, ByteBuffer)

    /// Whether it changes the store.
    var isWrite: Bool {
        switch self {
        case .put, .delete: true
        case .get, .head, .page, .holds: false
        }
    }

    var verb: String {
        switch self {
        case .get: "read"
        case .head: "look at"
        case .put(_, _, .overwrite): "write"
        case .put(_, _, .createOnly): "create"
        case .page: "list"
        case .delete: "delete"
        case .holds: "compare"
        }
    }

    var key: ObjectKey? {
        switch self {
        case .get(let key, _, _), .head(let key), .put(let key, _, _), .holds(let key, _): key
        case .delete(let keys): keys.first
        case .page: nil
        }
    }

    func error(_ kind: StoreError.Kind, _ reason: String) -> StoreError { StoreError(kind, verb, key: key, reason) }
}

/// What the simulated store answers.
enum StoreAnswer: Sendable {
    case info(ObjectInfo)
    /// The content, and how it ends if it ends early.
    case content(ObjectInfo, Range<Int64>, ByteBuffer, broken: StoreError.Kind?)
    case page(ObjectPage)
    case failures([DeleteFailure])
    case same(Bool)
}

typealias StoreResult = Result<StoreAnswer, StoreError>

/// A request whose client waits for the answer.
struct ParkedCall: Sendable {
    let id: Int
    let client: Int
    let request: StoreRequest
    var sentAt: Int64
    /// For a create: whether the key was free when it was sent.
    var keyWasFree: Bool
    /// What may have looked damaged or absent to the client when it was sent.
    let troubled: Set<ObjectKey>
    /// The client's task was cancelled while it waited.
    var isCancelled = false
    /// The request has taken effect, and this is under way to the client.
    var result: StoreResult?
    let answer: CheckedContinuation<StoreResult, Never>
}

/// A write whose client no longer waits, and which may still take effect.
struct LateWrite: Sendable {
    let call: ParkedCall

    var client: Int { call.client }
    var request: StoreRequest { call.request }
    var sentAt: Int64 { call.sentAt }
}

/// A task that sleeps.
struct Sleeper: Sendable {
    let id: Int
    let client: Int
    let due: Int64
    var isCancelled = false
    /// `false` if the sleep was cut short.
    let wake: CheckedContinuation<Bool, Never>
}

/// A process of the simulation.
struct SimulatedClient: Sendable {
    let name: String
    let mayCrash: Bool
    /// How far its wall clock is ahead of the server's, in nanoseconds.
    let skew: Int64
    /// Whether its monotonic clock stands still while it is suspended.
    let clockStops: Bool
    var task: Task<Void, Never>?
    var isDone = false
    var isCrashed = false
    /// The simulation is over: every call ends at once.
    var isOver = false
    var pausedUntil: Int64?
    /// It was suspended for hours already.
    var wasAway = false
    /// How long its monotonic clock has stood still.
    var lost: Int64 = 0
    /// The step in which its present work began.
    var workBegan = 0
    /// What may have looked damaged or absent to it since then.
    var troubled: Set<ObjectKey> = []
}
