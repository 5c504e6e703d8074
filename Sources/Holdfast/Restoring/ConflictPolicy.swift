import Basics

/// Policy of a pull for paths that changed here and in the store since they were the same.
public enum ConflictPolicy: Sendable {
    /// Touch nothing, and name the paths.
    case stop
    /// The newer file wins, by its own time here and the store's time there.
    case newerWins
    /// The store wins.
    case storeWins

    /// Operation of the truth table that a pull with this policy is.
    var operation: PathOperation {
        switch self {
        case .stop: .pull
        case .newerWins: .merge
        case .storeWins: .force
        }
    }
}

/// The error of a pull that would have to choose between two versions.
func conflictError(_ paths: [String]) -> SyncError {
    let shown = paths.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
    let more = paths.count > 5 ? " and \(paths.count - 5) more" : ""
    return SyncError(
        code: .changedOnBothSides,
        message: "changed here and in the store: \(shown)\(more); nothing was touched",
        hint: "Use --merge to take the newer of each, or --force to take the store's.")
}
