/// The kind of a failure, for code that decides by it, for scripts and for metrics. The raw value is what `--json` prints,
/// and never changes.
///
/// `docs/errors.md` says what each means and what to do.
public enum FailureCode: String, Sendable, CaseIterable {
    // Of a store.
    case notFound = "not-found"
    case noSuchBucket = "no-such-bucket"
    case alreadyExists = "already-exists"
    case preconditionFailed = "precondition-failed"
    case conflict
    case denied
    case refused
    case unauthenticated
    case noCredentials = "no-credentials"
    case wrongRegion = "wrong-region"
    case clockSkew = "clock-skew"
    case throttled
    case unreachable
    case corrupt
    case server
    case invalid
    case tooLarge = "too-large"
    case unsupported
    case sourceChanged = "source-changed"
    case localFile = "local-file"
    case cancelled

    // Of a memory.
    case damaged
    case formatTooNew = "format-too-new"
    case wrongRepository = "wrong-repository"
    case noSuchSnapshot = "no-such-snapshot"
    case noSuchFile = "no-such-file"
    case tooSlow = "too-slow"
    case shrinks

    // Of a sync.
    case changedOnBothSides = "changed-on-both-sides"
    case changedMeanwhile = "changed-meanwhile"
    case incomplete
    case database
    case databaseInUse = "database-in-use"
    case version
    case cacheFailed = "cache-failed"
    case failed

    // Of a command.
    case usage
    case problemsFound = "problems-found"
    case statusPage = "status-page"
    case demo

    /// Another process is at work, or removals wait: nothing is broken, and the same command may succeed. Commands exit with
    /// 75.
    public var passesByItself: Bool {
        switch self {
        case .conflict, .preconditionFailed, .changedOnBothSides, .changedMeanwhile, .databaseInUse, .cacheFailed,
            .shrinks:
            true
        case .notFound, .noSuchBucket, .alreadyExists, .denied, .refused, .unauthenticated, .noCredentials,
            .wrongRegion,
            .clockSkew, .throttled, .unreachable, .corrupt, .server, .invalid, .tooLarge, .unsupported, .sourceChanged,
            .localFile, .cancelled, .damaged, .formatTooNew, .wrongRepository, .noSuchSnapshot, .noSuchFile, .tooSlow,
            .incomplete, .database, .version, .failed, .usage, .problemsFound, .statusPage, .demo:
            false
        }
    }

    /// Time may mend it: the network comes back, a permission is granted, a token is renewed. A service that restores at its
    /// start keeps trying.
    public var mayPassWithTime: Bool {
        switch self {
        case .unreachable, .server, .throttled, .denied, .refused, .unauthenticated, .noCredentials, .noSuchBucket,
            .clockSkew,
            .conflict, .corrupt, .failed:
            true
        case .notFound, .alreadyExists, .preconditionFailed, .wrongRegion, .invalid, .tooLarge, .unsupported,
            .sourceChanged, .localFile, .cancelled, .damaged, .formatTooNew, .wrongRepository, .noSuchSnapshot,
            .noSuchFile, .tooSlow, .shrinks, .changedOnBothSides, .changedMeanwhile, .incomplete, .database,
            .databaseInUse, .version, .cacheFailed, .usage, .problemsFound, .statusPage, .demo:
            false
        }
    }
}

extension FailureCode: CustomStringConvertible {
    public var description: String { rawValue }
}
