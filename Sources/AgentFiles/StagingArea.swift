import FileIO
import Glibc
import NIOConcurrencyHelpers
import Synchronization

/// A staging directory from the inside.
///
///     files/…   staged files at the paths they are to have, so that a new directory moves as a whole and the next
///               process finds the files of one that was killed
///     spare-N   staged files whose place under `files` was taken when they were made
///     old-N     second names of what a commit replaces
final class StagingArea: Sendable {
    static let filesName = Array("files".utf8)

    /// Where a staged file lies.
    enum Place: Equatable {
        /// Under `files`, at the path it is to have.
        case files
        /// At the top, under a name of its own.
        case spare([UInt8])
    }

    /// The staging directory, locked.
    let directory: File
    let files: DirectoryPool
    private let number = Atomic(0)
    /// Paths that got no file or lost it: the directories on the way to them may be empty.
    private let emptied = NIOLockedValueBox<Set<RelativePath>>([])

    /// - Parameter directory: empty, and locked by this process.
    init(_ directory: File) throws(FileError) {
        self.directory = directory
        try directory.makeDirectory(Self.filesName, permissions: StagingName.directoryPermissions)
        files = DirectoryPool(root: try File.open(Self.filesName, in: directory, [.read, .directory, .noFollow]))
    }

    /// Makes an empty file for a path.
    /// - Parameters:
    ///   - chain: below ``files``.
    ///   - shown: the path for messages.
    func create(
        _ path: RelativePath, permissions: UInt32, shownAs shown: File.ShownPath, _ chain: inout DirectoryChain
    ) throws(FileError) -> (file: File, place: Place) {
        try place(path, shownAs: shown, &chain) { name, parent throws(FileError) in
            try File.open(
                name, in: parent, [.readWrite, .createNew, .noFollow], permissions: permissions, shownAs: shown)
        }
    }

    /// Makes a file for a path.
    /// - Returns: what the system says of it.
    func write(
        _ file: StagedTree.NewFile, shownAs shown: File.ShownPath, _ chain: inout DirectoryChain
    ) throws(FileError) -> (status: FileStatus, place: Place) {
        try place(file.path, shownAs: shown, &chain) { name, parent throws(FileError) in
            try File.create(
                name, in: parent, file.content, modified: file.modified, permissions: file.permissions, shownAs: shown)
        }
    }

    /// Finds a place for a path, and makes something there.
    private func place<Made>(
        _ path: RelativePath, shownAs shown: File.ShownPath, _ chain: inout DirectoryChain,
        _ make: (ArraySlice<UInt8>, File) throws(FileError) -> Made
    ) throws(FileError) -> (Made, Place) {
        do throws(FileError) {
            return (try make(path.name, chain.open(holding: path, making: true)), .files)
        } catch {
            // Another staged file has the name, or that of a directory on the way. Which of them stays is for later.
            if error.alreadyExists || error.isNotADirectory || error.isLink {
                let name = Array("spare-\(number.add(1, ordering: .relaxed).newValue)".utf8)
                return (try make(name[...], directory), .spare(name))
            }
            remember(emptied: path)
            throw FileError(error.operation, path: shown.bytes, code: error.code)
        }
    }

    /// Removes a staged file: its bytes are wanted no more, and space may be short.
    func discard(_ path: RelativePath, _ place: Place) {
        switch place {
        case .spare(let name): try? directory.remove(name)
        case .files:
            try? files.withChain { chain throws(FileError) in try chain.open(path.parent).remove(path.name) }
            remember(emptied: path)
        }
    }

    /// Notes that directories may have been made for a path that has no file.
    func remember(emptied path: RelativePath) { emptied.withLockedValue { _ = $0.insert(path) } }

    /// Brings `files` into the state that the root is to take over: spare files take their places, files have their
    /// times, and no directory is there for nothing. No file may be staged any more.
    func settle(_ changes: [StagedTree.Change]) throws(FileError) {
        var chain = DirectoryChain(root: files.root)
        for path in emptied.withLockedValue({ $0 }) {
            for directory in path.ancestors.reversed() {
                // In use, or gone already; then so are those above it in use.
                do { try chain.open(directory.parent).removeDirectory(directory.name) } catch { break }
            }
        }
        chain = DirectoryChain(root: files.root)
        for change in changes {
            if case .spare(let name) = change.staged {
                try directory.rename(name, to: change.path.name, in: chain.open(change.path.parent, making: true))
            }
            if change.staged != nil, let modified = change.modified {
                try chain.open(change.path.parent).setModified(of: change.path.name, to: modified)
            }
        }
    }
}
