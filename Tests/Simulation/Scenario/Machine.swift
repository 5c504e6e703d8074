import NIOConcurrencyHelpers

/// The disk of a simulated machine: it survives the processes that work on it.
final class Machine: Sendable {
    struct State: Sendable {
        var files: Tree = [:]
        var base: Base?
        /// What has changed since the last save that succeeded.
        var unsaved: Set<String> = []
        /// What was in each file before, by path.
        var earlier: [String: Set<String>] = [:]
        var count = 0

        fileprivate mutating func outdate(_ path: String) {
            guard let content = files[path]?.content else { return }
            earlier[path, default: []].insert(content)
        }
    }

    let name: String
    private let state = NIOLockedValueBox(State())

    init(_ name: String) { self.name = name }

    var now: State { state.withLockedValue { $0 } }

    /// Writes a file with content that no other file has.
    func write(_ path: String, at time: Int64) {
        state.withLockedValue { state in
            state.count += 1
            state.outdate(path)
            state.files[path] = SimulatedFile(content: "\(path) by \(name) \(state.count)", modified: time)
            state.unsaved.insert(path)
        }
    }

    /// Writes a file that no other machine writes.
    /// - Returns: its path.
    func writeMarker(at time: Int64) {
        write("marker/\(name)-\(now.count + 1)", at: time)
    }

    /// Writes a file that no other machine writes, with the content of one that is here: a save need not store it again,
    /// if what stores it stays.
    func copyToMarker(_ path: String, at time: Int64) {
        state.withLockedValue { state in
            guard let content = state.files[path]?.content else { return }
            state.count += 1
            let copy = "marker/\(name)-\(state.count)"
            state.files[copy] = SimulatedFile(content: content, modified: time)
            state.unsaved.insert(copy)
        }
    }

    /// - Returns: what is and was in the file.
    func delete(_ path: String) -> Set<String> {
        state.withLockedValue { state in
            state.unsaved.remove(path)
            state.outdate(path)
            state.files[path] = nil
            return state.earlier[path] ?? []
        }
    }

    func pulled(_ tree: RestoredTree) {
        state.withLockedValue { state in
            for (path, file) in state.files where tree.result[path]?.content != file.content { state.outdate(path) }
            state.files = tree.result
            state.base = tree.base
        }
    }

    /// A save is about to happen.
    func remember(_ base: any Sendable) { state.withLockedValue { $0.base = base } }

    func saved(_ tree: SavedTree) {
        state.withLockedValue { state in
            state.base = tree.base
            state.unsaved = []
        }
    }
}
