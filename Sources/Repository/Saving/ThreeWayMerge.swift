import FileIO

/// What a merge looks at of a file.
public struct FileFacts: Sendable, Equatable {
    public let path: RelativePath
    /// When the content last changed, in nanoseconds since 1970.
    public let modified: Int64
    /// In bytes.
    public let size: Int64
    public let digest: Digest

    public init(path: RelativePath, modified: Int64, size: Int64, digest: Digest) {
        self.path = path
        self.modified = modified
        self.size = size
        self.digest = digest
    }

    /// Whether two files are the same for a memory. A file that was only touched, or got other rights, is.
    func isSame(as other: FileFacts) -> Bool { digest == other.digest && size == other.size }
}

extension Entry {
    public var facts: FileFacts { FileFacts(path: path, modified: modified, size: size, digest: digest) }
}

/// Brings two states together that began as the same one, file by file.
///
///     base → ours | base → theirs | result
///     same        | any           | theirs
///     any         | same          | ours
///     changed     | changed alike | theirs, which is stored already
///     changed     | removed       | ours, and the other way round: nothing is lost by a removal elsewhere
///     changed     | changed       | the one with the later time; the other is a conflict
///
/// Where one side has a file and the other a directory of the same name, the directory stays and the file is a conflict.
/// Without a base, every file that is on one side only counts as added there.
struct ThreeWayMerge {
    /// Which side a file of the result comes from, and its place there.
    enum Choice: Sendable, Equatable {
        case ours(Int)
        case theirs(Int)
    }

    /// A path that changed differently on both sides.
    struct Conflict: Sendable, Equatable {
        let path: RelativePath
        let oursWon: Bool
    }

    /// In the order of the paths.
    private(set) var choices: [Choice] = []
    private(set) var conflicts: [Conflict] = []

    /// The losers of conflicts on our side: what is not in the result, and in no parent.
    var lostOurs: Bool { conflicts.contains { !$0.oursWon } }

    /// - Parameters: each in the order of the paths; `base` is empty if there is none.
    /// - Parameter preferOurs: ours wins each conflict.
    init(base: [FileFacts], ours: [FileFacts], theirs: [FileFacts], preferOurs: Bool = false) {
        var (b, o, t) = (0, 0, 0)
        var paths: [RelativePath] = []
        while o < ours.count || t < theirs.count {
            let path = [o < ours.count ? ours[o].path : nil, t < theirs.count ? theirs[t].path : nil]
                .compactMap(\.self).min()
            guard let path else { break }
            while b < base.count, base[b].path < path { b += 1 }
            let old = b < base.count && base[b].path == path ? base[b] : nil
            let our = o < ours.count && ours[o].path == path ? ours[o] : nil
            let their = t < theirs.count && theirs[t].path == path ? theirs[t] : nil
            let choice = choose(path, old, our, their, o, t, preferOurs)
            if let choice {
                choices.append(choice)
                paths.append(path)
            }
            if our != nil { o += 1 }
            if their != nil { t += 1 }
        }
        makeRoom(paths, preferOurs)
    }

    private mutating func choose(
        _ path: RelativePath, _ old: FileFacts?, _ our: FileFacts?, _ their: FileFacts?, _ o: Int, _ t: Int,
        _ preferOurs: Bool
    ) -> Choice? {
        switch (our, their) {
        case (nil, nil): return nil
        case (let our?, nil):
            // Removed there and untouched here: it goes.
            if let old, old.isSame(as: our) { return nil }
            return .ours(o)
        case (nil, let their?):
            if let old, old.isSame(as: their) { return nil }
            return .theirs(t)
        case (let our?, let their?):
            if our.isSame(as: their) { return .theirs(t) }
            if let old, old.isSame(as: our) { return .theirs(t) }
            if let old, old.isSame(as: their) { return .ours(o) }
            let oursIsNewer =
                our.modified == their.modified ? their.digest < our.digest : our.modified > their.modified
            let oursWins = preferOurs || oursIsNewer
            conflicts.append(Conflict(path: path, oursWon: oursWins))
            return oursWins ? .ours(o) : .theirs(t)
        }
    }

    /// The conflicts at these paths are resolved: the result has what both sides changed.
    mutating func settle(_ paths: Set<RelativePath>) {
        conflicts.removeAll { paths.contains($0.path) }
    }

    /// Resolves names that one side has for a file and the other for a directory.
    private mutating func makeRoom(_ paths: [RelativePath], _ preferOurs: Bool) {
        let sides = Set(choices.map(\.isOurs))
        guard sides.count == 2 else { return }
        let files = Dictionary(uniqueKeysWithValues: zip(paths, choices.map(\.isOurs)))
        var dropped: Set<RelativePath> = []
        for path in paths {
            for ancestor in path.ancestors {
                guard let fileIsOurs = files[ancestor] else { continue }
                dropped.insert(preferOurs && fileIsOurs ? path : ancestor)
            }
        }
        guard !dropped.isEmpty else { return }
        conflicts.removeAll { dropped.contains($0.path) }
        conflicts += dropped.sorted().map { Conflict(path: $0, oursWon: files[$0] == false) }
        choices = zip(paths, choices).filter { !dropped.contains($0.0) }.map(\.1)
    }
}

extension ThreeWayMerge.Choice {
    var isOurs: Bool { if case .ours = self { true } else { false } }
}
