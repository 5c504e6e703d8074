import Basics
import FileIO

/// What an operation would remove from the place that it writes to.
struct Loss: Sendable, Equatable {
    enum Unit: Sendable {
        case sessions, files

        /// The smallest loss of more than half that waits.
        var leastHeld: Int {
            switch self {
            case .sessions: 5
            case .files: 10
            }
        }
    }

    let unit: Unit
    let removed: Int
    /// How many there are before.
    let total: Int
    /// Something else takes their place, so that even a loss of all leaves something.
    var isReplaced = false

    /// Whether it is more often a disk that was not mounted, or an agent that started cold, than what somebody wanted: all,
    /// or more than half and not just a few.
    var isLarge: Bool {
        guard removed > 0 else { return false }
        return (removed >= total && !isReplaced) || (removed >= unit.leastHeld && removed > total - removed)
    }
}

/// Holds large removals back, in both directions; it never holds an addition.
///
/// The truth table decides what is to be removed. This is a layer above it, which every sink asks: the save (here to the
/// store) and the restore (the store to here).
struct RemovalGuard: Sendable {
    /// Somebody has said that the removals are wanted, or has seen them one by one.
    let isOff: Bool

    /// Whether any of some losses waits. What cannot be counted is unknown, and no loss.
    func holds(_ losses: [Loss?]) -> Bool { !isOff && losses.contains { $0?.isLarge == true } }
}

/// Removals that wait until somebody says that they are wanted.
public struct HeldRemovals: Sendable, Equatable {
    /// How many of how many.
    public struct Count: Sendable, Equatable {
        public var removed = 0
        public var total = 0
    }

    public var sessions = Count()
    public var files = Count()
    /// Databases that have vanished: what was in them is unknown.
    public var databases: [String] = []

    public init() {}

    public var isEmpty: Bool { sessions.removed == 0 && files.removed == 0 && databases.isEmpty }

    mutating func add(_ loss: Loss?) {
        guard let loss, loss.removed > 0 else { return }
        switch loss.unit {
        case .sessions: sessions = Count(removed: sessions.removed + loss.removed, total: sessions.total + loss.total)
        case .files: files = Count(removed: files.removed + loss.removed, total: files.total + loss.total)
        }
    }

    /// `8 of 8 sessions and 30 of 40 files`.
    public var words: String {
        var parts: [String] = []
        for (count, name) in [(sessions, "session"), (files, "file")] where count.removed > 0 {
            parts.append("\(count.removed) of \(count.total) \(name)\(count.total == 1 ? "" : "s")")
        }
        for name in databases { parts.append("the database '\(name)'") }
        guard let last = parts.popLast() else { return "nothing" }
        return parts.isEmpty ? last : "\(parts.joined(separator: ", ")) and \(last)"
    }
}

extension SyncError {
    private init(held message: String, hint: String) {
        self.init(code: .shrinks, message: message, hint: hint)
    }

    /// The error of a save that would have dropped most of a memory.
    static func held(inStore held: HeldRemovals, storage: String) -> SyncError {
        SyncError(
            held: "\(held.words) of the newest snapshot are missing in '\(storage)'; they stay in the store, "
                + "everything else is saved",
            hint: "Run holdfast pull if the state here is not complete. If they were removed on purpose, use "
                + "--allow-shrink.")
    }

    /// The error of a pull that would have removed most of what is here.
    static func held(here held: HeldRemovals) -> SyncError {
        SyncError(
            held: "the snapshot has lost \(held.words) of those that are here; they stay here, everything else was "
                + "brought",
            hint: "holdfast log and holdfast diff show who removed them. If that was on purpose, use --allow-shrink.")
    }

    /// The same in one line.
    var warning: String { [message, hint].compactMap(\.self).joined(separator: ". ") }
}

extension [RelativePath] {
    /// The paths without those that made room: a file where a directory is now, and what was in a directory where a
    /// file is.
    func withoutReplaced(by others: [RelativePath]) -> [RelativePath] {
        let files = Set(others)
        let directories = Set(others.flatMap(\.ancestors))
        return filter { !directories.contains($0) && !$0.ancestors.contains(where: files.contains) }
    }
}
