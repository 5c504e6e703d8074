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

/// Looks whether a set of changes can be made, without making any.
struct CommitPlan {
    private let changes: [(key: RelativePath, value: StagedTree.Change)]
    private let removed: Set<RelativePath>
    private let device: UInt64
    private var chain: DirectoryChain

    init(changes: [(key: RelativePath, value: StagedTree.Change)], root: File, device: UInt64) {
        self.changes = changes
        self.device = device
        removed = Set(changes.lazy.filter { $0.value.staged == nil }.map(\.key))
        chain = DirectoryChain(root: root)
    }

    /// - Throws: ``Obstacle``, ``FileError``.
    mutating func check() throws {
        let files = Set(changes.lazy.filter { $0.value.staged != nil }.map(\.key))
        var checked: File?
        for (path, change) in changes {
            for ancestor in path.ancestors where change.staged != nil && files.contains(ancestor) {
                throw Obstacle(path: path, obstacle: ancestor, kind: .file)
            }
            guard let directory = try directory(of: path) else {
                if case .unchanged = change.expected { throw Obstacle(path: path, obstacle: path, kind: .changed) }
                continue
            }
            if directory !== checked {
                try check(directory, for: path)
                checked = directory
            }
            try check(path, change, in: directory)
        }
    }

    /// The directory that holds a path; `nil` if it is to be made.
    private mutating func directory(of path: RelativePath) throws -> File? {
        do { return try chain.open(path.parent) } catch {
            if error.isMissing { return nil }
            // The system only says that some component is no directory. The first that could not be opened is it.
            guard error.isNotFound || error.isLink,
                let blocking = RelativePath(components: path.components[...chain.depth])
            else { throw error }
            let kind = try chain.open(blocking.parent).status(of: blocking.name).kind
            if kind == .regular, removed.contains(blocking) { return nil }
            throw Obstacle(path: path, obstacle: blocking, kind: Obstacle.Kind(kind) ?? .file)
        }
    }

    private func check(_ directory: File, for path: RelativePath) throws {
        guard try directory.status().device == device else {
            throw Obstacle(path: path, obstacle: path.parent, kind: .otherFileSystem)
        }
        guard try directory.permits(.write, of: ".".utf8) else {
            throw Obstacle(path: path, obstacle: path.parent, kind: .readOnly)
        }
    }

    private func check(_ path: RelativePath, _ change: StagedTree.Change, in directory: File) throws {
        let present: FileStatus?
        do { present = try directory.status(of: path.name) } catch {
            guard error.isMissing else { throw error }
            present = nil
        }
        if let present, let kind = Obstacle.Kind(present.kind) {
            throw Obstacle(path: path, obstacle: path, kind: kind)
        }
        let isAsExpected =
            switch change.expected {
            case .anything: true
            case .nothing: present == nil
            case .unchanged(let seen): present == seen
            }
        guard isAsExpected else { throw Obstacle(path: path, obstacle: path, kind: .changed) }
    }
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
