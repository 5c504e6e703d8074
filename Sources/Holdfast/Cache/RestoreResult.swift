import Basics

/// What a restore came to: RFC-002's `CacheResult` with the RFC-019's `source`, and why an agent starts cold.
///
/// A restore never fails as a whole: without a state, the agent starts cold and ``reason`` says why.
public struct RestoreResult: Sendable {
    public enum Status: String, Sendable {
        /// A state is here.
        case hit
        /// There is none.
        case miss
        /// There was one, and it could not be used.
        case corrupted
    }

    public enum Source: String, Sendable { case cache, s3, file }

    /// Why an agent starts cold. Only `absent` is what a first run finds.
    public enum Reason: String, Sendable, CaseIterable {
        /// Everybody who was asked says, to someone who may know, that there is nothing.
        case absent
        /// Another program has what the state belongs to open.
        case inUse = "in-use"
        case unreachable
        /// The credentials lack a right, or there are none: what is there is unknown.
        case denied
        /// The store has it and does not hand it out: archived, a disabled key, a payment that is due.
        case refused
        /// What was there is damaged, or broken by RFC-002's rules.
        case corrupt
        /// It is of another version of the layout, or of the format.
        case version
        /// The place holds the memory of another repository.
        case wrongRepository = "wrong-repository"

        /// What more than one place say in sum: the one that a person has to hear of.
        static func worse(_ a: Reason?, _ b: Reason) -> Reason {
            guard let a, let first = allCases.firstIndex(of: a), let second = allCases.firstIndex(of: b) else {
                return b
            }
            return first < second ? b : a
        }

        /// Why a pull brought nothing.
        init(_ error: SyncError) {
            self =
                switch error.code {
                case .wrongRepository: .wrongRepository
                case .formatTooNew: .version
                case .damaged, .corrupt, .database: .corrupt
                case .databaseInUse: .inUse
                case .denied, .unauthenticated, .noCredentials: .denied
                case .refused: .refused
                default: .unreachable
                }
        }

        /// The code of the error where nothing but the cache could have had the state.
        var code: FailureCode {
            switch self {
            case .absent: .notFound
            case .inUse: .databaseInUse
            case .unreachable: .unreachable
            case .denied: .denied
            case .refused: .refused
            case .corrupt: .corrupt
            case .version: .version
            case .wrongRepository: .wrongRepository
            }
        }
    }

    /// Files, bytes, requests, warnings. Its error is what a person should know although the run goes on; requests count what
    /// the store was asked.
    public internal(set) var sync = SyncResult(success: true)
    public internal(set) var status = Status.miss
    /// Where the state that is here now comes from; `nil` without a hit.
    public internal(set) var source: Source?
    /// The key of the cache entry, or `s3:owner/repo`, `file:owner/repo`; that of the unusable state if there was one.
    public internal(set) var key: String?
    /// The storage directory, on a hit.
    public internal(set) var restoredPath: String?
    /// `nil` on a hit.
    public internal(set) var reason: Reason?
    /// Where the state is that was put out of the way.
    public internal(set) var asideAt: String?
    /// Whose memory seeded this one.
    public internal(set) var seededFrom: AgentIdentity?
    /// What is worth a line, and no warning.
    public internal(set) var notices: [String] = []

    public var hit: Bool { status == .hit }
    public var corrupted: Bool { status == .corrupted }

    public init() {}

    /// The restore could not even start.
    public static func failed(_ error: SyncError) -> RestoreResult {
        var result = RestoreResult()
        result.sync = .failed(error)
        result.reason = Reason(error)
        return result
    }
}
