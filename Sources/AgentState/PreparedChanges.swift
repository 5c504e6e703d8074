import FileIO

/// The changes that a ``StagedTree`` shall make, one for each path.
struct PreparedChanges {
    typealias Change = StagedTree.Change

    /// In the order in which they came; `nil` for one that is wanted no more. Changes are long, so they are not moved again.
    private var all: [Change?] = []
    private var index: [RelativePath: Int] = [:]

    var count: Int { index.count }

    mutating func reserveCapacity(_ count: Int) {
        all.reserveCapacity(count)
        index.reserveCapacity(count)
    }

    /// Takes changes in.
    /// - Returns: those that were prepared for the same paths before.
    mutating func put(_ new: [Change]) -> [Change] {
        var former: [Change] = []
        for change in new {
            if let place = index.updateValue(all.count, forKey: change.path), let old = all[place] {
                former.append(old)
                all[place] = nil
            }
            all.append(change)
        }
        return former
    }

    mutating func remove(_ path: RelativePath) -> Change? {
        guard let place = index.removeValue(forKey: path) else { return nil }
        defer { all[place] = nil }
        return all[place]
    }

    /// In the order of their paths.
    var sorted: [Change] {
        // Most come in order, in which sorting costs little. Changes are long: each is copied once.
        let order = all.indices.lazy.compactMap { place in all[place].map { (place: place, path: $0.path) } }
            .sorted { $0.path < $1.path }
        return order.compactMap { all[$0.place] }
    }
}
