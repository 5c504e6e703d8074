import AgentFiles
import FileIO
import ObjectStore
import Repository

/// One version of a path, as a comparison sees it.
enum PathVersion: Sendable, Equatable {
    case absent
    /// - Parameters:
    ///   - digest: `nil` if the content is known to be none that it is compared with.
    ///   - modified: when it last changed, in nanoseconds since 1970.
    case content(_ digest: Digest?, modified: Int64)
    /// It cannot be compared: `unknown`, `refused`, `damaged` or `outOfScope`.
    case unusable(PathState)

    var isReadable: Bool { if case .content(_?, _) = self { true } else { false } }

    /// A version that could not be read.
    init(unreadable error: FileError) { self = .unusable(error.isAccessDenied ? .refused : .unknown) }
}

/// How it counts that a source does not have a path.
struct AbsenceRule: Sendable {
    /// Where the source could have had it.
    let version: PathVersion
    /// Scope of the source; `nil` if everything was captured.
    let scope: ScopeFilter?

    init(_ version: PathVersion, scope: ScopeFilter? = nil) { (self.version, self.scope) = (version, scope) }

    func version(of path: RelativePath) -> PathVersion {
        scope?.contains(path) == false ? .unusable(.outOfScope) : version
    }
}

/// The base of a comparison: what both sides had when they were synchronised last.
struct ComparisonBase: Sendable {
    /// State of the paths that it has a version of, by the truth table.
    let state: PathState
    let files: KnownFiles?

    /// Nothing is known.
    static let none = ComparisonBase(state: .absent, files: nil)

    /// - Parameter lineage: of the snapshot that is remembered, to the one that is compared; `nil` if none is remembered.
    init(_ files: KnownFiles?, _ lineage: Lineage?) {
        self.files = files
        state =
            switch lineage {
            case .contained?, .pruned?: .same
            case .newer?: .changed
            case .unknown?: .unknown
            case .passedOver?: .damaged
            case .unrelated?, .foreign?, nil: .absent
            }
    }

    init(state: PathState, files: KnownFiles?) { (self.state, self.files) = (state, files) }

    /// The version that a path had. After a pull that was killed, that may be the one that was being restored.
    func version(of path: RelativePath, here: Digest?) -> FileIndex.Entry? {
        if let here, let restored = files?.restoring?.entry(path), restored.sha256 == here { return restored }
        return files?.index.entry(path)
    }

    /// All versions that it has.
    /// - Parameter digests: of the files here.
    func versions(knowing digests: [RelativePath: Digest]) -> [FileIndex.Entry] {
        // What a killed pull restored and nobody has touched follows the store as well.
        let restored = files?.restoring?.entries.filter { digests[$0.path] == $0.sha256 } ?? []
        let paths = Set(restored.map(\.path))
        return (files?.index.entries.filter { !paths.contains($0.path) } ?? []) + restored
    }
}

/// Classifies the versions of a path for the truth table.
struct Comparison: Sendable {
    let operation: PathOperation
    let base: ComparisonBase

    func ruling(of path: RelativePath, here: PathVersion, store: PathVersion) -> Ruling {
        var digest: Digest?
        if case .content(let content?, _) = here { digest = content }
        // The same content on both sides: there is nothing to do, whatever the base.
        if let digest, case .content(digest, _) = store { return Ruling(outcome: .nothing) }
        let version = base.version(of: path, here: digest)
        // A store that fell back did so with all paths.
        let baseState = version == nil && base.state != .changed ? .absent : base.state
        let known = baseState == .same || baseState == .changed ? version : nil
        return TruthTable.ruling(
            operation, base: baseState, here: state(of: here, known),
            store: state(of: store, known, isStore: true))
    }

    private func state(of version: PathVersion, _ base: FileIndex.Entry?, isStore: Bool = false) -> PathState {
        switch version {
        case .absent: return .absent
        case .unusable(let state): return state
        case .content(let digest, let modified):
            guard let base, digest == base.sha256 else { return .changed }
            // What another memory took back is a new version of it, with a later time.
            return isStore && operation == .follow && modified != base.modified ? .changed : .same
        }
    }
}

extension PathState {
    /// State of a snapshot that could not be read.
    init(unreadable error: any Error) {
        switch error {
        case let error as RepositoryError where error.kind == .damaged: self = .damaged
        case let error as StoreError
        where [.denied, .refused, .unauthenticated, .noCredentials, .unsupported].contains(error.kind):
            self = .refused
        default: self = .unknown
        }
    }
}
