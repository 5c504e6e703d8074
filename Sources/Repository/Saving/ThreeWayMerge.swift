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
    public func isSame(as other: FileFacts) -> Bool { digest == other.digest && size == other.size }

    /// Which of two versions wins: the same one on every machine, whatever side it is on.
    func isLater(than other: FileFacts) -> Bool {
        modified == other.modified ? digest < other.digest : modified > other.modified
    }
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
///     changed     | changed       | the one with the later time, of equal times that with the smaller digest; the other is
///                 |               | a conflict
///
/// A path that a side lacks and that lies outside of its scope was left out there, not removed. Where one side has a file
/// and the other a directory of the same name, the directory stays and the file is a conflict.
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

    /// One of the states that are brought together.
    struct Side {
        /// In the order of their paths.
        let files: [FileFacts]
        /// Scopes within which an absent path counts as removed; none if everything was captured.
        let scopes: [ScopeFilter]

        init(_ files: [FileFacts], scopes: [CaptureScope] = []) {
            self.files = files
            self.scopes = scopes.map(\.filter)
        }

        /// Whether a file that the base has and this state has not was removed.
        func hasRemoved(_ path: RelativePath) -> Bool { scopes.allSatisfy { $0.contains(path) } }
    }

    /// - Parameter base: what both sides were made from, in the order of the paths; empty if that is not known.
    init(base: [FileFacts], ours: Side, theirs: Side) {
        let (ourSide, theirSide) = (ours, theirs)
        let (ours, theirs) = (ours.files, theirs.files)
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
            let choice: Choice?
            switch (our, their) {
            case (nil, nil): choice = nil
            // Removed there and untouched here: it goes.
            case (let our?, nil): choice = old?.isSame(as: our) == true && theirSide.hasRemoved(path) ? nil : .ours(o)
            case (nil, let their?):
                choice = old?.isSame(as: their) == true && ourSide.hasRemoved(path) ? nil : .theirs(t)
            case (let our?, let their?): choice = choose(our, their, old) ? .ours(o) : .theirs(t)
            }
            if let choice {
                choices.append(choice)
                paths.append(path)
            }
            if our != nil { o += 1 }
            if their != nil { t += 1 }
        }
        makeRoom(paths)
    }

    /// - Returns: whether our version is taken.
    private mutating func choose(_ our: FileFacts, _ their: FileFacts, _ old: FileFacts?) -> Bool {
        if our.isSame(as: their) || old?.isSame(as: our) == true { return false }
        if old?.isSame(as: their) == true { return true }
        let oursWins = our.isLater(than: their)
        conflicts.append(Conflict(path: our.path, oursWon: oursWins))
        return oursWins
    }

    /// The conflicts at these paths are resolved: the result has what both sides changed.
    mutating func settle(_ paths: Set<RelativePath>) {
        conflicts.removeAll { paths.contains($0.path) }
    }

    /// Resolves names that one side has for a file and the other for a directory.
    private mutating func makeRoom(_ paths: [RelativePath]) {
        let sides = Set(choices.map(\.isOurs))
        guard sides.count == 2 else { return }
        let files = Dictionary(uniqueKeysWithValues: zip(paths, choices.map(\.isOurs)))
        var dropped: Set<RelativePath> = []
        for path in paths {
            for ancestor in path.ancestors {
                if files[ancestor] != nil { dropped.insert(ancestor) }
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
