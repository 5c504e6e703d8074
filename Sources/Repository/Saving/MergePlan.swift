import FileIO

/// Result of merging a state with the newest snapshots, before anything is written.
struct MergePlan {
    /// Heads that are continued, the newest first.
    var heads: [Snapshot] = []
    /// Heads that stay beside them.
    var apart: [SaveResult.Apart] = []
    /// Files of the heads together.
    var state: [Entry] = []
    /// Merge of ``state`` with the state that is saved.
    var merge = ThreeWayMerge(base: [], ours: ThreeWayMerge.Side([]), theirs: ThreeWayMerge.Side([]))
    /// Files in which the changes of both sides were brought together.
    var united: [RelativePath: Entry] = [:]
    /// No head can be merged with the state, which becomes a head of its own.
    var isFork = false

    /// Whether nothing of ours is new to the heads.
    var isUnchanged: Bool {
        merge.choices.count == state.count && merge.choices.allSatisfy { !$0.isOurs } && united.isEmpty
    }

    /// The head that is continued, with its manifest, if it is one alone.
    func only(of newest: Newest) -> (snapshot: Snapshot, manifest: Manifest)? {
        guard heads.count == 1, let head = heads.first,
            let index = newest.heads.snapshots.firstIndex(where: { $0.id == head.id })
        else { return nil }
        return (head, newest.manifests[index])
    }

    /// Whether the result has the same content at the same paths as our state.
    func isOwnState(_ ours: [FileFacts]) -> Bool {
        guard merge.choices.count == ours.count else { return false }
        return zip(merge.choices, ours).allSatisfy { choice, own in
            switch choice {
            case .ours(let index): ours[index].path == own.path
            case .theirs(let index): state[index].path == own.path && state[index].facts.isSame(as: own)
            }
        }
    }
}
