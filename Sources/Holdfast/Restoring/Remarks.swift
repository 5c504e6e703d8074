import Basics
import FileIO

/// Paths that a plan has something to say about, by the reason that the truth table gives.
struct Remarks: Sendable {
    /// Paths that changed on both sides, where nothing may be touched.
    private(set) var conflicts: [RelativePath] = []
    /// Paths that cannot be compared, where nothing may be touched.
    private(set) var obstacles: [RelativePath] = []
    /// Whether the operation may pass the obstacles later.
    private var exit = Ruling.ExitClass.success
    private var paths: [Ruling.Reason: [RelativePath]] = [:]

    mutating func add(_ ruling: Ruling, _ path: RelativePath) {
        if ruling.outcome == .stop {
            if ruling.reason == .conflict { conflicts.append(path) } else { obstacles.append(path) }
            exit = ruling.exit
        } else if let reason = ruling.reason {
            paths[reason, default: []].append(path)
        }
    }

    mutating func add(_ other: Remarks) {
        conflicts += other.conflicts
        obstacles += other.obstacles
        if other.exit != .success { exit = other.exit }
        paths.merge(other.paths) { $0 + $1 }
    }

    mutating func sort() {
        conflicts.sort()
        obstacles.sort()
        paths = paths.mapValues { $0.sorted() }
    }

    /// - Parameter cause: why a path cannot be compared.
    /// - Throws: ``SyncError`` if nothing may be touched.
    func check(_ result: inout SyncResult, cause: (RelativePath) -> (any Error)?) throws {
        if let path = obstacles.first {
            let cause = cause(path).map { SyncError($0) }
            var error = SyncError(
                code: cause?.code ?? .localFile,
                message: (cause?.message ?? "'\(path)' cannot be compared with the store's") + "; nothing was touched",
                hint: cause?.hint)
            error.passesByItself = exit == .mayPass
            throw error
        }
        guard !conflicts.isEmpty else { return }
        result.conflicts = conflicts.map(\.description)
        throw conflictError(result.conflicts)
    }

    /// Sentences for the user.
    var warnings: [String] {
        Ruling.Reason.allCases.compactMap { reason in
            guard let paths = paths[reason], let sentence = reason.sentence(Self.list(paths), count: paths.count) else {
                return nil
            }
            return sentence
        }
    }

    private static func list(_ paths: [RelativePath]) -> String {
        let shown = paths.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        return paths.count > 5 ? "\(shown) and \(paths.count - 5) more" : shown
    }
}

extension Ruling.Reason {
    /// - Returns: `nil` where the result says it in another way.
    fileprivate func sentence(_ paths: String, count: Int) -> String? {
        switch self {
        case .conflict: "changed here and in the store, merged: \(paths)"
        case .missingHere:
            (count == 1 ? "1 file that was missing here is back" : "\(count) files that were missing here are back")
                + ": \(paths); holdfast push saves removals"
        case .damagedHere: "damaged here: \(paths)"
        case .unreadableHere: "cannot be compared: \(paths)"
        case .leftOut, .storeUnreachable, .storeRefused, .storeDamaged, .storeBehind: nil
        }
    }
}
