import Basics
import FileIO

/// Something on the disk that a change must not touch or cannot pass.
public struct Obstacle: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// A symbolic link. It is neither followed nor replaced.
        case link
        /// A file where a directory is needed.
        case file
        /// A directory where a file is needed.
        case directory
        /// A socket, pipe or device.
        case special
        /// A directory on another file system, into which nothing can be moved.
        case otherFileSystem
        /// A directory that this process may not change.
        case readOnly
        /// The file is not the one that was seen before.
        case changed
    }

    /// The path that was to be changed.
    public let path: RelativePath
    /// What stands in the way: the path itself or a directory on the way to it; `nil` for the storage directory.
    public let obstacle: RelativePath?
    public let kind: Kind

    public var description: String {
        let place = obstacle.map { "'\($0)'" } ?? "the storage directory"
        let reason =
            switch kind {
            case .link: "\(place) is a symbolic link, which is neither followed nor replaced; move it away"
            case .file: "\(place) is a file, but a directory is needed; move it away"
            case .directory: "\(place) is a directory, but a file is needed; move it away"
            case .special: "\(place) is neither a file nor a directory; move it away"
            case .otherFileSystem: "\(place) is on another file system than the storage directory"
            case .readOnly: "\(place) may not be changed by this user; give write permission"
            case .changed: "\(place) changed in the meantime; try again"
            }
        return "cannot change '\(path)': \(reason)"
    }
}

/// What a commit has to do, and the certainty that nothing on the disk forbade it when it was made. Making a plan
/// changes nothing.
struct CommitPlan {
    typealias Change = StagedTree.Change

    /// A step that brings staged files to their places.
    enum Move {
        case file(Change)
        /// A directory that the root does not have, with all files that are to be below it: one rename for all of them. None
        /// of the changes is a removal.
        case directory(RelativePath, ArraySlice<Change>)

        var directory: RelativePath? { if case .directory(let path, _) = self { path } else { nil } }

        var changes: ArraySlice<Change> {
            switch self {
            case .file(let change): [change]
            case .directory(_, let changes): changes
            }
        }
    }

    /// They come first: a file may have to make room for a directory.
    let removals: [Change]
    private(set) var moves: [Move] = []
    /// Directories in which nothing is left after the removals, and whose place a file takes.
    private(set) var emptied: [RelativePath] = []

    /// The directory that is missing at the point of the check, and what goes below it, as indices of ``changes``.
    private var missing: (directory: RelativePath, changes: Range<Int>)?
    private let device: UInt64
    private var chain: DirectoryChain
    private let removed: Set<RelativePath>
    /// Some staged file has no place of its own yet.
    private let hasSpares: Bool
    /// In the order of their paths.
    private let changes: [Change]

    /// - Parameter changes: in the order of their paths.
    /// - Throws: ``Obstacle``, ``FileError``.
    init(_ changes: [Change], root: File, device: UInt64) throws {
        self.device = device
        chain = DirectoryChain(root: root)
        removals = changes.filter { $0.staged == nil }
        removed = Set(removals.lazy.map(\.path))
        hasSpares = changes.contains { if case .spare = $0.staged { true } else { false } }
        self.changes = changes
        var checked: File?
        var checkedParent: RelativePath?
        for (index, change) in changes.enumerated() {
            if let directory = try directory(for: change, index) {
                if directory !== checked {
                    try check(directory, at: change.path.parent, for: change.path)
                    checked = directory
                }
                try check(change, in: directory)
                if change.staged != nil { moves.append(.file(change)) }
            } else {
                if case .unchanged = change.expected { throw Obstacle(change.path, .changed) }
                if let range = missing?.changes { missing?.changes = range.lowerBound..<(index + 1) }
                // Where nothing is, nothing has to be removed.
                if change.staged != nil, checkedParent.map({ !change.path.isDirectlyBelow($0) }) ?? true {
                    try checkAncestors(of: change.path)
                    checkedParent = change.path.parent
                }
            }
        }
        try finishMissing()
    }

    /// The directory that holds a path; `nil` if it is to be made. ``missing`` is then what is to be made first.
    private mutating func directory(for change: Change, _ index: Int) throws -> File? {
        let path = change.path
        // Byte order keeps all that is below one directory together.
        if let missing, path.isBelow(missing.directory) { return nil }
        try finishMissing()
        do { return try chain.open(path.parent) } catch {
            // The system only says that some component is missing or no directory. The first that could not be opened
            // is it.
            guard error.isNotFound || error.isLink,
                let blocking = RelativePath(components: path.components[...chain.depth])
            else { throw error }
            let kind = try chain.open(blocking.parent).statusIfPresent(of: blocking.name)?.kind
            switch kind {
            // A directory that appeared just now is like one that appears later: the commit copes with it.
            case nil, .directory: break
            case .regular where removed.contains(blocking): break
            case .some(let kind):
                throw Obstacle(path: path, obstacle: blocking, kind: Obstacle.Kind(kind) ?? .file)
            }
            missing = (blocking, index..<index)
            return nil
        }
    }

    private mutating func finishMissing() throws {
        defer { missing = nil }
        guard let missing else { return }
        var staged = changes[missing.changes]
        if !removals.isEmpty { staged = ArraySlice(staged.filter { $0.staged != nil }) }
        guard let first = staged.first else { return }
        let parent = missing.directory.parent
        try check(chain.open(parent), at: parent, for: first.path)
        moves.append(.directory(missing.directory, staged))
    }

    /// Two staged paths may not be file and directory. Where all have the places that they are to have, they are not.
    private func checkAncestors(of path: RelativePath) throws {
        guard hasSpares else { return }
        for ancestor in path.ancestors where isStaged(ancestor) {
            throw Obstacle(path: path, obstacle: ancestor, kind: .file)
        }
    }

    private func isStaged(_ path: RelativePath) -> Bool {
        let index = changes.firstIndex(notBelow: { $0.path < path })
        return index < changes.count && changes[index].path == path && changes[index].staged != nil
    }

    private func check(_ directory: File, at place: RelativePath?, for path: RelativePath) throws {
        guard try directory.status().device == device else {
            throw Obstacle(path: path, obstacle: place, kind: .otherFileSystem)
        }
        guard try directory.permits(.write, of: ".".utf8) else {
            throw Obstacle(path: path, obstacle: place, kind: .readOnly)
        }
    }

    /// Whether all files below a directory are to be removed.
    private func isEmptied(_ path: RelativePath, in parent: File) throws -> Bool {
        let directory = try File.open(path.name, in: parent, [.read, .directory, .noFollow])
        for entry in try directory.entries() {
            guard let path = RelativePath(path.bytes + [UInt8(ascii: "/")] + entry.name) else { return false }
            switch entry.kind {
            case .directory: guard try isEmptied(path, in: directory) else { return false }
            case .regular: guard removed.contains(path) else { return false }
            case .link, .other: return false
            }
        }
        return true
    }

    private mutating func check(_ change: Change, in directory: File) throws {
        var present = try directory.statusIfPresent(of: change.path.name)
        if present?.kind == .directory, change.staged != nil, try isEmptied(change.path, in: directory) {
            emptied.append(change.path)
            present = nil
        }
        if let present, let kind = Obstacle.Kind(present.kind) { throw Obstacle(change.path, kind) }
        let isAsExpected =
            switch change.expected {
            case .anything: true
            case .nothing: present == nil
            case .unchanged(let seen): present == seen
            }
        guard isAsExpected else { throw Obstacle(change.path, .changed) }
    }
}

extension Obstacle {
    /// The path itself is in the way.
    init(_ path: RelativePath, _ kind: Kind) { self.init(path: path, obstacle: path, kind: kind) }
}

extension Obstacle.Kind {
    /// What stands where a regular file shall be; `nil` for a regular file, which may be replaced.
    fileprivate init?(_ kind: FileStatus.Kind) {
        switch kind {
        case .regular: return nil
        case .directory: self = .directory
        case .link: self = .link
        case .other: self = .special
        }
    }
}

extension Obstacle: FailureConvertible {
    public var failure: Failure {
        kind == .changed
            ? Failure(code: .changedMeanwhile, message: description, hint: "Run the command again.")
            : Failure(code: .localFile, message: description)
    }
}
