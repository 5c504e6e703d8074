extension Ledger {
    /// What a simulation has seen, so that one that sees nothing is noticed.
    package struct Counts: Sendable {
        package var commits = 0
        package var merges = 0
        package var sides = 0
        package var forks = 0
        package var promises = 0
        package var restores = 0
        package var prunedCommits = 0
        package var prunedPacks = 0
        /// Objects that were damaged in the store.
        package var damages = 0
        /// Commits that a save has named as found and not merged.
        package var passedOver = 0
        /// Restores of an older snapshot in place of a damaged one.
        package var fallbacks = 0
        /// Commits that were pruned before somebody repaired and merged them.
        package var lostToDamage = 0

        /// Commits that the store lost for good.
        package var lost = 0

        static func += (sum: inout Counts, other: Counts) {
            let fields: [WritableKeyPath<Counts, Int>] = [
                \.commits, \.merges, \.sides, \.forks, \.promises, \.restores, \.prunedCommits, \.prunedPacks,
                \.damages,
                \.passedOver, \.fallbacks, \.lostToDamage, \.lost,
            ]
            for field in fields { sum[keyPath: field] += other[keyPath: field] }
        }
    }
}
