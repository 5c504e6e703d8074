import AgentFiles
import FileIO
import ObjectStore

/// What a pull does about paths that changed here and in the store since they were the same.
public enum ConflictPolicy: Sendable {
    /// Touch nothing, and name the paths.
    case stop
    /// The newer file wins, by its own time here and the store's time there.
    case newerWins
    /// The store wins.
    case storeWins
}

/// What a pull has to do, decided before anything is touched.
struct PullPlan: Sendable {
    /// An object to fetch, and what must be at its path when it takes it.
    struct Fetch: Sendable {
        let path: RelativePath
        let text: String
        let object: ObjectInfo
        let expected: StagedTree.Expectation
    }

    var fetches: [Fetch] = []
    /// Files that are the same already.
    var same: [SyncedFile] = []
    /// What is known of files that changed here only, or are newer here: they stay, and so does that.
    var kept: [SyncBaseFile.Entry] = []
    /// Files that changed here and are replaced all the same; their content is kept beside.
    var overruled: [RelativePath] = []
    var conflicts: [RelativePath] = []
    /// All objects that belong to the memory.
    var objectCount = 0
    var totalBytes: Int64 = 0
}

/// Compares one object with the file at its path.
struct PullDecision {
    let base: SyncBaseFile.Entry?
    let policy: ConflictPolicy

    enum Outcome: Sendable {
        /// Nothing to do.
        case same(SyncedFile)
        /// Fetch the object.
        case follow(StagedTree.Expectation)
        /// Leave the file.
        case keep
        /// Fetch the object, and keep the file beside.
        case overrule(StagedTree.Expectation)
        case conflict
    }

    /// What to do about a file whose content is not that of the object.
    ///
    ///     changed here | changed there | outcome
    ///     no           | yes           | follow the store
    ///     yes          | no            | keep the file
    ///     yes          | yes           | by policy
    ///     never synchronised           | by policy
    func outcome(_ local: FileStatus, _ object: ObjectInfo) -> Outcome {
        if let base {
            if base.isUntouched(local) { return .follow(.unchanged(local)) }
            if let etag = object.etag, etag.text == base.etag { return .keep }
        }
        switch policy {
        case .stop: return .conflict
        case .storeWins: return .overrule(.unchanged(local))
        case .newerWins:
            return local.modified > object.lastModified ?? .max ? .keep : .overrule(.unchanged(local))
        }
    }
}
