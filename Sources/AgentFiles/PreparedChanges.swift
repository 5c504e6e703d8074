import FileIO

/// The changes that a ``StagedTree`` shall make, one for each path.
struct PreparedChanges {
    typealias Change = StagedTree.Change

    /// Where a change is in ``batches``.
    private struct Place: Hashable {
        let batch: Int
        let position: Int
    }

    /// As they came. Changes are long, so they are not moved again.
    private var batches: [[Change]] = []
    private var places: [RelativePath: Place] = [:]
    /// Of those that are wanted no more.
    private var dropped: Set<Place> = []

    var count: Int { places.count }

    mutating func reserveCapacity(_ count: Int) { places.reserveCapacity(count) }

    /// Takes changes in.
    /// - Returns: those that were prepared for the same paths before.
    mutating func put(_ new: [Change]) -> [Change] {
        var former: [Change] = []
        let batch = batches.count
        batches.append(new)
        for position in new.indices {
            let place = Place(batch: batch, position: position)
            guard let earlier = places.updateValue(place, forKey: new[position].path) else { continue }
            former.append(self[earlier])
            dropped.insert(earlier)
        }
        return former
    }

    mutating func remove(_ path: RelativePath) -> Change? {
        guard let place = places.removeValue(forKey: path) else { return nil }
        dropped.insert(place)
        return self[place]
    }

    /// In the order of their paths.
    var sorted: [Change] {
        var wanted: [Place] = []
        wanted.reserveCapacity(count)
        for (batch, changes) in batches.enumerated() {
            for position in changes.indices {
                let place = Place(batch: batch, position: position)
                if dropped.isEmpty || !dropped.contains(place) { wanted.append(place) }
            }
        }
        // Most come in order, in which sorting costs little. Each change is copied once.
        return wanted.sorted { self[$0].path < self[$1].path }.map { self[$0] }
    }

    private subscript(_ place: Place) -> Change { batches[place.batch][place.position] }
}
