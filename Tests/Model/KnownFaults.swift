/// A fault of the program that is known and not yet mended: what it breaks is reported, and does not fail a scenario.
package struct KnownFault: Sendable {
    package let name: String
    /// One line for people.
    package let explanation: String
    /// Whether a violation is of this fault. As narrow as can be, since what it takes in is not seen any more.
    let explains: @Sendable (Violation) -> Bool

    package static let all: [KnownFault] = [
        KnownFault(
            name: "schemas-end-a-merge",
            explanation: "two databases of different versions changed, and the newer one replaces the other as a whole"
        ) {
            $0.isLoss && $0.isRow && $0.isSaving && $0.circumstances.isSuperset(of: [.schemasDiffer, .concurrent])
        },
        KnownFault(
            name: "schemas-refuse-a-merge",
            explanation:
                "pull --merge, restore and the start of watch stop at two versions of a database that could be merged"
        ) {
            let isRefusal = $0.invariant == .exit && ["merge", "restore"].contains($0.operation)
            let isLeftOut =
                [.lost, .outdated].contains($0.invariant) && ["watch", "follow"].contains($0.operation)
                && $0.circumstances.contains(.bothChanged)
            return $0.circumstances.contains(.schemasDiffer) && (isRefusal || isLeftOut)
        },
        KnownFault(
            name: "schemas-stop-following",
            explanation: "watch --follow takes no rows over from a database of another version, and notes them as done"
        ) {
            $0.invariant == .lost && $0.isRow && $0.operation == "follow" && $0.circumstances.contains(.schemasDiffer)
        },
        KnownFault(
            name: "numbers-collide",
            explanation:
                "rows that two machines added under one generated number: one is lost, or its children change parents"
        ) {
            $0.unit == "prompt" && [.lost, .gone, .defect].contains($0.invariant)
                && !$0.circumstances.isDisjoint(with: [.merged, .concurrent, .bothChanged, .followed])
        },
        KnownFault(
            name: "deleted-row-returns",
            explanation:
                "a row that is deleted after a push that found the store ahead comes back with the next push or merge"
        ) {
            $0.invariant == .revived && $0.isRow && ($0.isSaving || $0.isMerging)
                && !$0.circumstances.isDisjoint(with: [.savedBehind, .merged])
                && $0.circumstances.isDisjoint(with: [.damaged, .schemasDiffer])
        },
        KnownFault(
            name: "second-push-loses-rows",
            explanation:
                "a machine that pushes again without a pull takes what the first push merged for its own deletions"
        ) {
            [.lost, .outdated].contains($0.invariant) && $0.isRow && $0.isSaving
                && $0.circumstances.contains(.savedBehind)
                && $0.circumstances.isDisjoint(with: [.damaged, .schemasDiffer])
        },
        KnownFault(
            name: "base-was-pruned",
            explanation:
                "a machine whose last snapshot a prune removed brings back what others deleted or rolled back since"
        ) { [.revived, .outdated].contains($0.invariant) && $0.circumstances.contains(.basePruned) },
        KnownFault(
            name: "loser-of-a-row-is-nowhere",
            explanation:
                "two machines changed one row, and the version that lost in the merge is in no snapshot and not kept"
        ) {
            let isPushed = $0.invariant == .unreachable && $0.isSaving
            return (isPushed || ($0.invariant == .gone && $0.isMerging)) && $0.isRow
                && $0.circumstances.contains(.concurrent)
        },
        KnownFault(
            name: "save-builds-on-damage",
            explanation:
                "a save refers to blobs of a damaged pack, so that the snapshot that it acknowledges cannot be restored"
        ) { $0.invariant == .unreadable && $0.circumstances.contains(.damaged) },
        KnownFault(
            name: "damage-spreads",
            explanation:
                "what a damaged snapshot held counts as deleted, and disappears from a machine that still has it"
        ) { $0.isLoss && $0.circumstances.contains(.inDamage) },
        KnownFault(
            name: "status-doubts-a-database",
            explanation:
                "a database counts as changed although nobody touched it since it was saved or restored, and is sent again"
        ) { [.status, .counters].contains($0.invariant) && $0.unit == "database" },
    ]
}

extension Violation {
    /// A unit is not as it was left.
    fileprivate var isLoss: Bool { [.lost, .outdated, .revived].contains(invariant) }
    /// It is about rows of a database.
    fileprivate var isRow: Bool { ["session", "message", "prompt"].contains(unit) }
    /// It was found in what a merge left on a machine.
    fileprivate var isMerging: Bool { ["merge", "restore", "watch", "follow"].contains(operation) }
    /// It was found in what a command saved.
    fileprivate var isSaving: Bool {
        ["push", "push-bare", "save", "both", "watch", "killed push"].contains(operation)
    }
}
