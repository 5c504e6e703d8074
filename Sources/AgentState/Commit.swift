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
        return "\(cause); \(shown)\(more) could not be put back. Restore again to make the memory whole"
    }
}

/// Moves staged files into place and remembers how to take that back.
struct Commit {
    private enum Step {
        case made(RelativePath)
        case created(RelativePath)
        /// A path whose former file has a second name in the staging directory, unless the file system has no links.
        case replaced(RelativePath, kept: [UInt8]?)
    }

    private var chain: DirectoryChain
    private let staging: File
    private var steps: [Step] = []

    init(root: File, staging: File) {
        self.staging = staging
        chain = DirectoryChain(root: root)
    }

    /// Removals come first: a file may have to make room for a directory.
    mutating func apply(
        _ changes: [(key: RelativePath, value: StagedTree.Change)], before step: (RelativePath) throws -> Void
    ) throws {
        for (path, change) in changes where change.staged == nil {
            try step(path)
            try remove(path)
        }
        for (path, change) in changes {
            guard let name = change.staged else { continue }
            try step(path)
            try place(name, at: path)
        }
    }

    private mutating func remove(_ path: RelativePath) throws {
        let kept = keptName()
        do { try chain.open(path.parent).rename(path.name, to: kept, in: staging) } catch {
            if error.isNotFound { return }
            throw error
        }
        steps.append(.replaced(path, kept: kept))
        // Someone may have put a directory there since the check, with who knows what in it.
        guard try staging.status(of: kept).kind == .regular else {
            throw Obstacle(path: path, obstacle: path, kind: .changed)
        }
    }

    private mutating func place(_ name: [UInt8], at path: RelativePath) throws {
        let directory = try directory(for: path)
        let step: Step
        let kept = keptName()
        do {
            try directory.link(path.name, to: kept, in: staging)
            step = .replaced(path, kept: kept)
        } catch {
            if error.isNotFound {
                step = .created(path)
            } else if [EPERM, ENOTSUP, EMLINK, ENOSYS].contains(error.code) {
                step = .replaced(path, kept: nil)
            } else {
                throw error
            }
        }
        try staging.rename(name, to: path.name, in: directory)
        steps.append(step)
    }

    private mutating func directory(for path: RelativePath) throws -> File {
        var made: [Step] = []
        defer { steps += made }
        return try chain.open(path.parent) { made.append(.made($0)) }
    }

    private func keptName() -> [UInt8] { Array("old-\(steps.count)".utf8) }

    /// Puts back what was there, the last step first.
    /// - Throws: ``IncompleteCommit`` if something could not be put back.
    mutating func undo(because cause: any Error) throws {
        var changed: [RelativePath] = []
        for step in steps.reversed() {
            switch step {
            case .made(let path):
                // Not empty: someone else uses it by now.
                try? chain.open(path.parent).removeDirectory(path.name)
            case .created(let path):
                do { try chain.open(path.parent).remove(path.name) } catch { changed.append(path) }
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
}
