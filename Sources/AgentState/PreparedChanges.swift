import FileIO

/// The changes that a ``StagedTree`` shall make, one for each path: of several, the last.
struct PreparedChanges {
    typealias Change = StagedTree.Change

    /// In the order in which they came. Changes are long, and come by the ten thousand: they are not moved again, and
    /// nobody looks for others of the same path before all are there.
    private var all: [Change] = []

    /// How many paths change.
    var count: Int { Set(all.lazy.map(\.path)).count }

    mutating func reserveCapacity(_ count: Int) { all.reserveCapacity(count) }

    mutating func put(_ new: [Change]) { all += new }

    /// Forgets a path.
    /// - Returns: what was prepared for it.
    mutating func remove(_ path: RelativePath) -> [Change] {
        let former = all.filter { $0.path == path }
        all.removeAll { $0.path == path }
        return former
    }

    /// In the order of their paths; and those in whose place a later one came.
    var sorted: (changes: [Change], superseded: [Change]) {
        // Most come in order, in which sorting costs little.
        let order = all.indices.sorted { a, b in
            all[a].path < all[b].path || a < b && all[a].path == all[b].path
        }
        var changes: [Change] = []
        var superseded: [Change] = []
        changes.reserveCapacity(order.count)
        for index in order {
            if let last = changes.last, last.path == all[index].path { superseded.append(changes.removeLast()) }
            changes.append(all[index])
        }
        return (changes, superseded)
    }
}
