import FileIO
import NIOConcurrencyHelpers
import NIOCore

/// Changes to a storage directory that are prepared beside the files they replace and then made all together.
///
/// Files are written below a staging directory inside the root, so that moving them into place is a rename on one file
/// system. ``commit()`` first looks whether all of it can work, then brings the bytes to the disk, then renames; if
/// something fails on the way, what was renamed is put back. A crash in the middle leaves each file either old or new,
/// never torn, and the next restore continues. The disk is synchronised twice as a whole (`syncfs`) and not once for
/// each file, which would cost seconds for ten thousand.
///
/// Nothing below the root is reached through a symbolic link, and a link is never replaced. Files are made with
/// permissions 0600 and directories with 0700 (less the umask): an agent's memory is private.
///
/// The staging directory is locked while this process lives. One that is not locked was left by a process that died:
/// ``open(_:)`` removes it. Every method blocks: call them inside `FileIO.run`. Several tasks may stage files at a time.
public final class StagedTree: Sendable {
    /// What must still be at a path for a change to be made.
    public enum Expectation: Sendable, Equatable {
        /// Whatever is there, if it is a file or nothing.
        case anything
        case nothing
        /// The very file that was seen, not touched since.
        case unchanged(FileStatus)
    }

    /// What shall happen to a path.
    struct Change {
        /// The file in the staging directory that takes the path; `nil` to remove what is there.
        let staged: [UInt8]?
        let modified: Int64?
        let expected: Expectation
    }

    private struct State {
        var changes: [RelativePath: Change] = [:]
        var next = 0
    }

    /// How many staging directories of dead processes were removed on opening.
    public let leftoversRemoved: Int
    /// Those that could not be removed, such as another user's. They do no harm but take space.
    public let leftoverFailures: [FileError]

    let root: File
    let staging: File
    private let stagingName: [UInt8]
    private let state = NIOLockedValueBox(State())

    private init(root: File, staging: File, name: [UInt8], leftovers: Leftovers) {
        (self.root, self.staging, stagingName) = (root, staging, name)
        (leftoversRemoved, leftoverFailures) = (leftovers.removed, leftovers.failures)
    }

    /// Makes the root, if it is missing, and a staging directory in it.
    /// - Parameter root: the storage directory, or a link to it.
    /// - Throws: ``FileError``.
    public static func open(_ root: String) throws(FileError) -> StagedTree {
        try makeDirectories(root, permissions: DirectoryChain.permissions)
        let directory = try File.open(root, [.read, .directory])
        let leftovers = try Leftovers(removedFrom: directory)
        while true {
            let name = FileIO.temporaryName(stagingPrefix)
            guard try directory.makeDirectory(name, permissions: DirectoryChain.permissions),
                let staging = try lock(name, in: directory)
            else { continue }
            return StagedTree(root: directory, staging: staging, name: name, leftovers: leftovers)
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

    /// How many changes are prepared.
    public var count: Int { state.withLockedValue { $0.changes.count } }

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
        let name = nextName()
        let file = try File.open(
            name, in: staging, [.readWrite, .createNew, .noFollow], permissions: permissions,
            shownAs: root.joined(path.bytes))
        replace(Change(staged: name, modified: modified, expected: expected), at: path)
        return file
    }

    /// Stages a file with this content.
    /// - Throws: ``FileError``; then the path is not staged.
    public func writeFile(
        _ path: RelativePath, _ content: ByteBuffer, modified: Int64? = nil, permissions: UInt32 = 0o600,
        expecting expected: Expectation = .anything
    ) throws(FileError) {
        let file = try stage(path, modified: modified, permissions: permissions, expecting: expected)
        do { try file.write(content, at: 0) } catch {
            unstage(path)
            throw error
        }
    }

    /// Prepares the removal of a file. On ``commit()`` it may be gone already, unless a certain file is expected.
    public func remove(_ path: RelativePath, expecting expected: Expectation = .anything) {
        replace(Change(staged: nil, modified: nil, expected: expected), at: path)
    }

    /// Forgets what was prepared for a path.
    public func unstage(_ path: RelativePath) { replace(nil, at: path) }

    /// Makes all changes, or none, and removes the staging directory. The tree cannot be used again, also after an error.
    /// - Throws: ``Obstacle`` if what is on the disk forbids a change, ``FileError``: in both cases nothing has changed.
    ///   ``IncompleteCommit`` if a failure came late and could not be undone.
    public func commit() throws { try commit { _ in } }

    /// - Parameter step: is told each path before its change, for tests.
    func commit(before step: (RelativePath) throws -> Void) throws {
        defer { abandon() }
        let changes = state.withLockedValue { $0.changes }.sorted { $0.key < $1.key }
        guard !changes.isEmpty else { return }
        var plan = CommitPlan(changes: changes, root: root, device: try staging.status().device)
        try plan.check()
        for case (_, let change) in changes {
            if let name = change.staged, let modified = change.modified {
                try staging.setModified(of: name, to: modified)
            }
        }
        try staging.syncFileSystem()
        var commit = Commit(root: root, staging: staging)
        do {
            try commit.apply(changes, before: step)
            try root.syncFileSystem()
        } catch {
            try commit.undo(because: error)
            throw error
        }
    }

    /// Removes the staging directory with all that was staged. Does nothing after ``commit()``.
    ///
    /// What cannot be removed is left for the next process that opens the root.
    public func abandon() { try? root.removeTree(stagingName) }

    private func nextName() -> [UInt8] {
        state.withLockedValue { state in
            defer { state.next += 1 }
            return Array("\(state.next)".utf8)
        }
    }

    private func replace(_ change: Change?, at path: RelativePath) {
        let former = state.withLockedValue { state in
            defer { state.changes[path] = change }
            return state.changes[path]
        }
        // Its bytes are wanted no more, and space may be short.
        if let name = former?.staged { try? staging.remove(name) }
    }
}
