import AgentFiles
import FileIO

/// Names that are a file on one side and a directory on the other, where neither gives way by itself: conflicts like any
/// other, about a whole directory.
struct KindConflicts: Sendable {
    /// Names of the files, where nothing may be touched.
    private(set) var unresolved: Set<RelativePath> = []
    /// Names of the files, where one side won.
    private(set) var resolved: Set<RelativePath> = []
    /// Files here that give way.
    private(set) var displaced: Set<RelativePath> = []
    /// Files of the source that give way.
    private(set) var ceded: [OfferedFile] = []

    /// One name: a file on one side, and all that lies below it on the other.
    private struct Group {
        var here: [RelativePath] = []
        var offered: [OfferedFile] = []
    }

    var isEmpty: Bool { resolved.isEmpty && unresolved.isEmpty }

    /// - Parameters:
    ///   - offered: files of the source that cannot be written for something here that stays.
    ///   - staying: files here that stay, as far as the truth table says.
    init(_ offered: [OfferedFile], staying: Set<RelativePath>, _ here: LocalObservation, _ comparison: Comparison) {
        guard !offered.isEmpty else { return }
        var below: [RelativePath: [RelativePath]] = [:]
        for path in staying { for ancestor in path.ancestors { below[ancestor, default: []].append(path) } }
        var groups: [RelativePath: Group] = [:]
        for file in offered {
            if let files = below[file.path] {
                groups[file.path, default: Group()].here += files
                groups[file.path]?.offered.append(file)
            } else if let name = file.path.ancestors.first(where: staying.contains) {
                groups[name, default: Group()].here = [name]
                groups[name]?.offered.append(file)
            }
        }
        for (name, group) in groups { resolve(name, group, here, comparison) }
    }

    private mutating func resolve(
        _ name: RelativePath, _ group: Group, _ here: LocalObservation, _ comparison: Comparison
    ) {
        // A store that fell back has nothing newer than what is here.
        let base: PathState = comparison.base.state == .changed ? .changed : .absent
        let ruling = TruthTable.ruling(comparison.operation, base: base, here: .changed, store: .changed)
        let sourceWins: Bool
        switch ruling.outcome {
        case .stop:
            unresolved.insert(name)
            return
        case .replace:
            // A directory of which nothing is known does not make room for a file.
            let isDirectory = group.here != [name]
            if isDirectory, comparison.base.files == nil {
                unresolved.insert(name)
                return
            }
            sourceWins = true
        case .merge:
            // Following takes nothing away, and a file cannot stand where a directory is.
            let own = group.here.compactMap { here.status(of: $0)?.modified }.max() ?? .min
            let other = group.offered.map { $0.modified ?? .max }.max() ?? .min
            sourceWins = comparison.operation != .follow && own <= other
        default: sourceWins = false
        }
        resolved.insert(name)
        if sourceWins { displaced.formUnion(group.here) } else { ceded += group.offered }
    }
}
