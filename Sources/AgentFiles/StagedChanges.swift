import Basics
import FileIO
import Glibc

/// A commit failed late, and part of it could not be undone.
public struct IncompleteCommit: Error, CustomStringConvertible {
    /// Why the commit was given up.
    public let cause: any Error
    /// The paths that now have their new content, or are gone.
    public let changed: [RelativePath]

    public var description: String {
        let shown = changed.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        let more = changed.count > 3 ? " and \(changed.count - 3) more" : ""
        return "\(cause); \(shown)\(more) could not be put back"
    }
}

extension IncompleteCommit: FailureConvertible {
    public var failure: Failure {
        Failure(code: .localFile, message: description, hint: "Restore again to make the memory whole.")
    }
}

/// Moves staged files into place, one recorded step at a time, and undoes the steps if a later one fails.
struct StagedChanges {
    private enum Step {
        case made(RelativePath)
        case created(RelativePath)
        /// A path whose former file has a second name in the staging directory, unless the file system has no links.
        case replaced(RelativePath, kept: [UInt8]?)
        /// A new directory, with all files below it.
        case moved(RelativePath, files: [RelativePath])
        /// A directory that was empty.
        case cleared(RelativePath)
    }

    private var chain: DirectoryChain
    private var files: DirectoryChain
    private let staging: File
    private var steps: [Step] = []

    init(root: File, staging: StagingArea) {
        chain = DirectoryChain(root: root)
        files = DirectoryChain(root: staging.files.root)
        self.staging = staging.directory
    }

    /// - Parameter step: is told each path before it changes.
    mutating func apply(_ plan: CommitPlan, before step: (RelativePath) throws -> Void) throws {
        for change in plan.removals {
            try step(change.path)
            try remove(change)
        }
        for path in plan.emptied { try clear(path, in: chain.open(path.parent)) }
        for move in plan.moves {
            switch move {
            case .file(let change):
                try step(change.path)
                try place(change)
            case .directory(let path, let changes):
                for change in changes { try step(change.path) }
                if try moveDirectory(path, changes) { continue }
                for change in changes { try place(change) }
            }
        }
        for change in plan.removals { removeEmptyDirectories(above: change.path) }
    }

    /// Removes a directory that has only directories in it.
    private mutating func clear(_ path: RelativePath, in parent: File) throws {
        let directory = try File.open(path.name, in: parent, [.read, .directory, .noFollow])
        for entry in try directory.entries() {
            guard entry.kind == .directory, let inner = RelativePath(path.bytes + [UInt8(ascii: "/")] + entry.name)
            else {
                throw Obstacle(path, .directory)
            }
            try clear(inner, in: directory)
        }
        try parent.removeDirectory(path.name)
        steps.append(.cleared(path))
    }

    /// Directories exist for the sake of files. One that still has something in it stays, and so do those above it.
    private mutating func removeEmptyDirectories(above path: RelativePath) {
        var next = path.parent
        while let directory = next {
            guard (try? chain.open(directory.parent).removeDirectory(directory.name)) != nil else { return }
            steps.append(.cleared(directory))
            next = directory.parent
        }
    }

    private mutating func remove(_ change: StagedTree.Change) throws {
        let path = change.path
        let kept = keptName()
        do { try chain.open(path.parent).rename(path.name, to: kept, in: staging) } catch {
            if error.isNotFound { return }
            throw error
        }
        steps.append(.replaced(path, kept: kept))
        // Someone may have put a directory there since the check, with who knows what in it.
        guard try change.expected.isMet(by: staging.status(of: kept)) else { throw Obstacle(path, .changed) }
    }

    /// Moves a new directory with all that is in it.
    /// - Returns: `false` if somebody has made the directory since the check.
    private mutating func moveDirectory(_ path: RelativePath, _ changes: ArraySlice<StagedTree.Change>) throws -> Bool {
        let parent = try chain.open(path.parent, making: true)
        // An empty directory would be replaced in silence, and a program that has it open would write into nothing.
        guard try parent.statusIfPresent(of: path.name) == nil else { return false }
        do { try files.open(path.parent).rename(path.name, to: path.name, in: parent) } catch {
            if error.alreadyExists || error.isNotADirectory || error.code == ENOTEMPTY { return false }
            throw error
        }
        steps.append(.moved(path, files: changes.map(\.path)))
        return true
    }

    /// What the system says of the files that are in place now, in the order of their paths; a file of which it says nothing
    /// is left out. Moving a directory changes nothing of what is in it, so that most files need not be asked again.
    mutating func placedFiles(of plan: CommitPlan) -> [StagedTree.PlacedFile] {
        var placed: [StagedTree.PlacedFile] = []
        placed.reserveCapacity(plan.moves.reduce(0) { $0 + $1.changes.count })
        let moved = Set(
            steps.compactMap { step -> RelativePath? in
                if case .moved(let directory, _) = step { directory } else { nil }
            })
        for move in plan.moves {
            let hasMoved = move.directory.map(moved.contains) ?? false
            for change in move.changes {
                if hasMoved, let status = change.status {
                    placed.append(StagedTree.PlacedFile(path: change.path, status: status))
                } else if let status = try? chain.open(change.path.parent).status(of: change.path.name) {
                    placed.append(StagedTree.PlacedFile(path: change.path, status: status))
                }
            }
        }
        return placed
    }

    private mutating func place(_ change: StagedTree.Change) throws {
        let path = change.path
        let directory = try directory(for: path)
        let kept = keptName()
        var step = Step.created(path)
        do {
            if try directory.linkIfPresent(path.name, to: kept, in: staging) {
                guard try change.expected.isMet(by: staging.status(of: kept)) else { throw Obstacle(path, .changed) }
                step = .replaced(path, kept: kept)
            }
        } catch let error as FileError where [EPERM, ENOTSUP, EMLINK, ENOSYS].contains(error.code) {
            step = .replaced(path, kept: nil)
        }
        try files.open(path.parent).rename(path.name, to: path.name, in: directory)
        steps.append(step)
    }

    private mutating func directory(for path: RelativePath) throws -> File {
        var made: [Step] = []
        defer { steps += made }
        return try chain.open(path.parent, making: true) { made.append(.made($0)) }
    }

    private func keptName() -> [UInt8] { Array("old-\(steps.count)".utf8) }

    /// Puts back what was there, the last step first.
    /// - Throws: ``IncompleteCommit`` if something could not be put back.
    mutating func undo(because cause: any Error) throws {
        var changed: [RelativePath] = []
        for step in steps.reversed() {
            switch step {
            case .made(let path): removeDirectory(path)
            case .cleared(let path):
                guard let parent = try? chain.open(path.parent),
                    (try? parent.makeDirectory(path.name, permissions: StagingName.directoryPermissions)) != nil
                else {
                    changed.append(path)
                    continue
                }
            case .created(let path): if !removeFile(path) { changed.append(path) }
            case .moved(let directory, let files):
                // One by one, since somebody may have put a file of his own beside them.
                for path in files.reversed() where !removeFile(path) { changed.append(path) }
                let directories = Set(files.flatMap(\.ancestors)).filter { $0 == directory || $0.isBelow(directory) }
                for path in directories.sorted().reversed() { removeDirectory(path) }
            case .replaced(let path, let kept):
                guard let kept else {
                    changed.append(path)
                    continue
                }
                do { try staging.rename(kept, to: path.name, in: chain.open(path.parent)) } catch {
                    changed.append(path)
                }
            }
        }
        if !changed.isEmpty { throw IncompleteCommit(cause: cause, changed: changed.reversed()) }
    }

    private mutating func removeFile(_ path: RelativePath) -> Bool {
        do { try chain.open(path.parent).remove(path.name) } catch { return false }
        return true
    }

    private mutating func removeDirectory(_ path: RelativePath) {
        // Not empty: someone else uses it by now.
        try? chain.open(path.parent).removeDirectory(path.name)
    }
}

extension StagedTree.Expectation {
    /// Whether a file that was found so late that it has a second name already is what a change may replace. Its
    /// `changed` time is that of the new name.
    fileprivate func isMet(by late: FileStatus) -> Bool {
        guard late.kind == .regular else { return false }
        return switch self {
        case .anything: true
        case .nothing: false
        case .unchanged(let seen):
            (late.inode, late.size, late.modified) == (seen.inode, seen.size, seen.modified)
        }
    }
}
