import FileIO
import Glibc
import NIOCore

/// The work of a scan: directories still to visit, and what was found so far.
struct TreeWalk {
    /// Longer paths could not be restored (``SafePaths``), nor opened by most programs.
    static let longestPath = 4096

    private let exclusions: Exclusions
    private var chain: DirectoryChain
    private var found = StorageScan()

    init(root: File, exclusions: Exclusions) {
        self.exclusions = exclusions
        chain = DirectoryChain(root: root)
    }

    mutating func run(_ cancellation: Cancellation) throws -> StorageScan {
        // Without recursion: the tree may be deeper than a thread's stack.
        var pending = try visit(chain.root, at: nil)
        while let next = pending.popLast() {
            try cancellation.check()
            do { pending += try visit(try chain.open(next), at: next) } catch { fail(next, error) }
        }
        found.files.sort { $0.path < $1.path }
        found.failures.sort { $0.path < $1.path }
        return found
    }

    /// Takes the files of one directory.
    /// - Returns: the directories in it, the last one first.
    private mutating func visit(_ directory: File, at path: RelativePath?) throws(FileError) -> [RelativePath] {
        let entries = try directory.entries()
        var below: [RelativePath] = []
        for entry in entries {
            let path = RelativePath(listed: entry.name, in: path)
            switch entry.kind {
            case .directory:
                if let rule = exclusions.rule(forDirectory: path) {
                    found.excluded[rule, default: 0] += 1
                } else if path.bytes.count > Self.longestPath {
                    fail(path, FileError("list", path: path.bytes, code: ENAMETOOLONG))
                } else {
                    below.append(path)
                }
            case .regular:
                if let rule = exclusions.rule(for: path) ?? sidecarRule(entry.name, in: directory, among: entries) {
                    found.excluded[rule, default: 0] += 1
                    noteLog(entry.name, in: directory, at: path.parent)
                } else {
                    take(entry.name, at: path, in: directory)
                }
            case .link: found.skippedLinks += 1
            case .other: found.skippedSpecialFiles += 1
            }
        }
        return below.reversed()
    }

    private mutating func take(_ name: [UInt8], at path: RelativePath, in directory: File) {
        do throws(FileError) {
            guard path.bytes.count <= Self.longestPath else {
                throw FileError("store", path: path.bytes, code: ENAMETOOLONG)
            }
            let status = try directory.status(of: name)
            guard status.kind == .regular else { return }
            guard try directory.permits(.read, of: name) else {
                throw FileError("read", path: directory.joined(name), code: EACCES)
            }
            found.files.append(.init(path: path, status: status))
        } catch {
            fail(path, error)
        }
    }

    private mutating func fail(_ path: RelativePath, _ error: FileError) {
        // What is gone since its directory was listed is no failure: an agent at work removes files.
        if !error.isMissing { found.failures.append(.init(path: path, cause: error)) }
    }

    /// Remembers the database of a log or a journal.
    private mutating func noteLog(_ name: [UInt8], in directory: File, at parent: RelativePath?) {
        guard let (stem, suffix) = Exclusions.sidecar(name), suffix != "-shm",
            (try? directory.status(of: name))?.size != 0
        else { return }
        found.logs.insert(RelativePath(listed: stem, in: parent))
    }

    /// The rule for a file beside a database that only its content shows to be one.
    private func sidecarRule(
        _ name: [UInt8], in directory: File, among entries: [DirectoryEntry]
    ) -> Exclusions.Rule? {
        guard let (stem, suffix) = Exclusions.sidecar(name),
            entries.contains(where: { $0.name == stem && $0.kind == .regular }),
            isDatabase(stem, in: directory)
        else { return nil }
        return .neverStored("*\(suffix)")
    }

    /// Whether a file starts like an SQLite database (SQLite "Database File Format" §1.3), or is empty, as a database is
    /// whose content is still in its write-ahead log.
    private func isDatabase(_ name: [UInt8], in directory: File) -> Bool {
        let magic = Array("SQLite format 3\0".utf8)
        var start = ByteBuffer()
        guard let file = try? File.open(name, in: directory, [.read, .noFollow]),
            (try? file.read(into: &start, count: magic.count, at: 0)) != nil
        else { return false }
        return start.readableBytes == 0 || start.readableBytesView.elementsEqual(magic)
    }
}
