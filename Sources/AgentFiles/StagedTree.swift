import FileIO
import NIOConcurrencyHelpers
import NIOCore

/// Changes to a storage directory that are prepared beside the files they replace and then made all together.
///
/// Files are written below a staging directory inside the root, so that moving them into place is a rename on one file
/// system. ``commit()`` first looks whether all of it can work, then brings the bytes to the disk, then renames: a
/// directory that the root does not have yet moves as a whole, into others the files move one by one. If something fails
/// on the way, what was renamed is put back. A crash in the middle leaves each file either old or new, never torn, and
/// the next restore continues. The disk is synchronised twice as a whole (`syncfs`) and not once for each file, which
/// would cost seconds for ten thousand.
///
/// Nothing below the root is reached through a symbolic link, and a link is never replaced. Files are made with
/// permissions 0600 and directories with 0700 (less the umask): an agent's memory is private.
///
/// The staging directory is locked while this process lives. One that is not locked was left by a process that died:
/// ``open(_:reusingLeftovers:)`` removes it, or keeps it until the end for
/// ``reuse(_:size:sha256:modified:permissions:expecting:)``. Every method blocks: call them inside `FileIO.run`. Several
/// tasks may stage files at a time.
public final class StagedTree: Sendable {
    /// What must still be at a path for a change to be made.
    public enum Expectation: Sendable, Equatable {
        /// Whatever is there, if it is a file or nothing.
        case anything
        case nothing
        /// The very file that was seen, not touched since. Apart, since most changes have none: they are kept by the
        /// ten thousand.
        indirect case unchanged(FileStatus)
    }

    /// A file to stage whose content is in memory.
    public struct NewFile: Sendable {
        public let path: RelativePath
        public let content: ByteBuffer
        /// When it last changed, in nanoseconds since 1970; now if `nil`.
        public let modified: Int64?
        public let permissions: UInt32
        /// What must be at the path on ``StagedTree/commit()``.
        public let expected: Expectation

        public init(
            path: RelativePath, content: ByteBuffer, modified: Int64? = nil, permissions: UInt32 = 0o600,
            expecting expected: Expectation = .anything
        ) {
            (self.path, self.content, self.modified) = (path, content, modified)
            (self.permissions, self.expected) = (permissions, expected)
        }
    }

    /// What shall happen to a path.
    struct Change {
        let path: RelativePath
        /// Where the file is that takes the path; `nil` to remove what is there.
        let staged: StagingArea.Place?
        /// The time that it gets on commit; `nil` if it has it already.
        let modified: Int64?
        let expected: Expectation
        /// What the system said of the staged file when it was complete; `nil` if it was not asked, or has moved since.
        var status: FileStatus?
    }

    /// How many staging directories of dead processes were removed on opening.
    public var leftoversRemoved: Int { leftovers.removed }
    /// Whether dead processes have left files that ``reuse(_:size:sha256:modified:permissions:expecting:)`` may find.
    public var hasLeftovers: Bool { !leftovers.kept.isEmpty }
    /// Those that could not be removed or read, such as another user's. They do no harm but take space.
    public var leftoverFailures: [FileError] { leftovers.failures }

    let root: File
    let staging: StagingArea
    let leftovers: Leftovers
    private let stagingName: [UInt8]
    private let changes = NIOLockedValueBox(PreparedChanges())

    private init(root: File, staging: StagingArea, name: [UInt8], leftovers: Leftovers) {
        (self.root, self.staging, stagingName, self.leftovers) = (root, staging, name, leftovers)
    }

    /// Makes the root, if it is missing, and a staging directory in it.
    /// - Parameters:
    ///   - root: the storage directory, or a link to it.
    ///   - reusingLeftovers: whether files that dead processes had staged are to be kept until the end, so that
    ///     ``reuse(_:size:sha256:modified:permissions:expecting:)`` can take them.
    /// - Throws: ``FileError``.
    public static func open(_ root: String, reusingLeftovers: Bool = false) throws(FileError) -> StagedTree {
        try makeDirectories(root, permissions: StagingName.directoryPermissions)
        let directory = try File.open(root, [.read, .directory])
        let leftovers = try Leftovers(in: directory, keeping: reusingLeftovers)
        while true {
            let name = StagingName.random()
            guard try directory.makeDirectory(name, permissions: StagingName.directoryPermissions),
                let staging = try lock(name, in: directory)
            else { continue }
            return StagedTree(root: directory, staging: try StagingArea(staging), name: name, leftovers: leftovers)
        }
    }

    /// Takes a new staging directory for this process.
    /// - Returns: `nil` if another process came between making and locking it and took it for a leftover.
    private static func lock(_ name: [UInt8], in root: File) throws(FileError) -> File? {
        do throws(FileError) {
            let staging = try File.open(name, in: root, [.read, .directory, .noFollow])
            guard try staging.tryLock(), try root.status(of: name).inode == staging.status().inode else { return nil }
            return staging
        } catch {
            if error.isMissing { return nil }
            throw error
        }
    }

    /// Makes room for so many changes at once.
    public func reserveCapacity(_ count: Int) { changes.withLockedValue { $0.reserveCapacity(count) } }

    /// How many changes are prepared.
    public var count: Int { changes.withLockedValue { $0.count } }

    /// Makes an empty file that takes a path on ``commit()``.
    ///
    /// A path that is staged again takes the newer file.
    /// - Parameters:
    ///   - path: where the file shall be.
    ///   - modified: the time of its last change, in nanoseconds since 1970; now if `nil`.
    ///   - permissions: of the file.
    ///   - expected: what must be at the path then.
    /// - Returns: the file, open for reading and writing. Errors it throws name the final path.
    /// - Throws: ``FileError``.
    public func stage(
        _ path: RelativePath, modified: Int64? = nil, permissions: UInt32 = 0o600,
        expecting expected: Expectation = .anything
    ) throws(FileError) -> File {
        let (file, place) = try staging.files.withChain { chain throws(FileError) in
            try staging.create(path, permissions: permissions, shownAs: File.ShownPath(path.bytes, in: root), &chain)
        }
        prepare([Change(path: path, staged: place, modified: modified, expected: expected)])
        return file
    }

    /// Stages a file with this content.
    /// - Throws: ``FileError``; then the path is not staged.
    public func writeFile(
        _ path: RelativePath, _ content: ByteBuffer, modified: Int64? = nil, permissions: UInt32 = 0o600,
        expecting expected: Expectation = .anything
    ) throws(FileError) {
        try writeFiles([
            NewFile(path: path, content: content, modified: modified, permissions: permissions, expecting: expected)
        ])
    }

    /// Stages many files, with the least work if those of one directory follow each other.
    /// - Throws: ``FileError`` of the first that fails; those before it are staged.
    public func writeFiles(_ files: [NewFile]) throws(FileError) {
        var written: [Change] = []
        written.reserveCapacity(files.count)
        defer { prepare(written) }
        try staging.files.withChain { chain throws(FileError) in
            for file in files { written.append(try write(file, &chain)) }
        }
    }

    private func write(_ new: NewFile, _ chain: inout DirectoryChain) throws(FileError) -> Change {
        let (status, place) = try staging.write(new, shownAs: File.ShownPath(new.path.bytes, in: root), &chain)
        // A spare file moves before the commit.
        return Change(
            path: new.path, staged: place, modified: nil, expected: new.expected, status: place == .files ? status : nil
        )
    }

    /// Prepares the removal of a file. On ``commit()`` it may be gone already, unless a certain file is expected.
    public func remove(_ path: RelativePath, expecting expected: Expectation = .anything) {
        prepare([Change(path: path, staged: nil, modified: nil, expected: expected)])
    }

    /// Forgets what was prepared for a path.
    public func unstage(_ path: RelativePath) {
        let former = changes.withLockedValue { $0.remove(path) }
        if let place = former?.staged { staging.discard(path, place) }
    }

    /// Takes changes in; one for the same path replaces the one before.
    func prepare(_ new: [Change]) {
        let former = changes.withLockedValue { $0.put(new) }
        for change in former {
            if let place = change.staged { staging.discard(change.path, place) }
        }
    }

    /// A file that a commit has put in place.
    public struct PlacedFile: Sendable {
        public let path: RelativePath
        /// What the system said of it then.
        public let status: FileStatus
    }

    /// Makes all changes, or none, and removes the staging directory. The tree cannot be used again, also after an error.
    /// - Returns: the files that are in place now, in the order of their paths. One of which the system says nothing is left
    ///   out.
    /// - Throws: ``Obstacle`` if what is on the disk forbids a change, ``FileError``: in both cases nothing has changed.
    ///   ``IncompleteCommit`` if a failure came late and could not be undone.
    @discardableResult
    public func commit() throws -> [PlacedFile] { try commit { _ in } }

    /// - Parameter step: is told each path before its change, for tests.
    @discardableResult
    func commit(before step: (RelativePath) throws -> Void) throws -> [PlacedFile] {
        defer { abandon() }
        let changes = changes.withLockedValue { $0.sorted }
        guard !changes.isEmpty else { return [] }
        let plan = try CommitPlan(changes, root: root, device: staging.directory.status().device)
        try staging.settle(changes)
        try root.syncFileSystem()
        var staged = StagedChanges(root: root, staging: staging)
        do {
            try staged.apply(plan, before: step)
            try root.syncFileSystem()
        } catch {
            try staged.undo(because: error)
            throw error
        }
        return staged.placedFiles(of: plan)
    }

    /// Removes the staging directory with all that was staged, and leftovers that were kept. Does nothing after
    /// ``commit()``.
    ///
    /// What cannot be removed is left for the next process that opens the root.
    public func abandon() {
        try? root.removeTree(stagingName)
        for leftover in leftovers.kept { try? root.removeTree(leftover.name) }
    }
}
