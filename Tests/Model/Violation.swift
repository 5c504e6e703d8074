/// An invariant that does not hold, and where.
package struct Violation: Sendable {
    package enum Invariant: String, Sendable {
        case lost = "a unit that nobody deleted is gone"
        case revived = "a unit that was deleted is back"
        case outdated = "an older version replaced a newer one"
        case unknown = "a content that nobody wrote"
        case gone = "a local change that was nowhere else is gone"
        case unreachable = "what a push acknowledged is in no snapshot"
        case unreadable = "a snapshot cannot be restored"
        case vanished = "a snapshot is no longer listed"
        case touched = "a command changed what it must not change"
        case defect = "a database is not sound"
        case exit = "an exit code that the situation does not explain"
        case verify = "verify finds damage, or misses it"
        case status = "status disagrees"
        case counters = "counters disagree"
        case mirror = "the mirror view differs from the newest snapshot"
        case different = "machines differ although all have pushed and pulled"
        case restless = "pushes and pulls do not come to rest"
        case hidden = "a session is not shown although all agents have the same version"
    }

    /// What was so when it happened. Some of it is of the moment, some of the past.
    package enum Circumstance: String, Sendable {
        /// The database here and the one that it meets are of different versions.
        case schemasDiffer = "schemas-differ"
        /// They were when the histories of the two parted, or at any time before.
        case schemasDiffered = "schemas-differed"
        case isSecond = "v2"
        /// Rows of two databases were merged before.
        case merged
        /// A snapshot that cannot be restored any more knew of the unit.
        case inDamage = "in-damage"
        /// The clock of a machine was wrong.
        case wrongClock = "wrong-clock"
        /// Other machines saved since this one synchronised.
        case concurrent
        case damaged, refused, pruned, killed, rolledBack = "rolled-back", forced, followed, forgotten
        /// The pull is of a database that changed here and there.
        case bothChanged = "both-changed"
        case unconditional
        /// A prune removed the snapshot that the machine was last synchronised with.
        case basePruned = "base-pruned"
        /// The last push of the machine found the store ahead, and nothing was pulled since.
        case savedBehind = "saved-behind"
    }

    package var invariant: Invariant
    /// The kind of the unit that it is about, if it is about one.
    package var unit: String?
    /// What was going on: `push`, `merge`, `snapshot` …
    package var operation: String
    package var circumstances: Set<Circumstance> = []
    package var text: String

    /// What violations of one cause mostly have in common.
    var signature: String { ["unknown", "\(invariant)", unit ?? "-", operation].joined(separator: " ") }

    /// The name of the fault that explains it, if it is a known one.
    package var fault: KnownFault? { KnownFault.all.first { $0.explains(self) } }
}

extension Violation: Error, CustomStringConvertible {
    package var description: String {
        let circumstances = circumstances.map(\.rawValue).sorted().joined(separator: ", ")
        return "\(invariant.rawValue) (\(operation)\(circumstances.isEmpty ? "" : "; \(circumstances)")): \(text)"
    }
}
