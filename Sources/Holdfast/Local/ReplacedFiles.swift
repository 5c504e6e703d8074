import AgentFiles
import FileIO
import FoundationEssentials
import NIOCore

/// Quarantine of files that a pull replaces or removes although they had changed here.
enum ReplacedFiles {
    /// Copies files into a new directory beside the storage directory. One that cannot be read gets a second name there.
    /// - Returns: the directory.
    /// - Throws: ``FileError``.
    static func keep(_ paths: [RelativePath], of storage: String) async throws -> String {
        let seconds = Int(Date().timeIntervalSince1970)
        let directory = "\(trimmed(storage)).replaced-\(seconds)-\(UInt16.random(in: .min ... .max))"
        try await FileIO.run {
            let root = try File.open(storage, [.read, .directory])
            let tree = try StagedTree.open(directory)
            do {
                let unreadable = try paths.filter { try !copy($0, from: root, into: tree) }
                try tree.commit()
                for path in unreadable { try link(path, from: root, to: directory) }
            } catch {
                tree.abandon()
                throw error
            }
        }
        return directory
    }

    /// - Returns: whether the file could be read.
    private static func copy(_ path: RelativePath, from root: File, into tree: StagedTree) throws -> Bool {
        let original: File
        do throws(FileError) { original = try File.open(path.components, beneath: root, .read) } catch {
            guard error.isAccessDenied else { throw error }
            return false
        }
        let status = try original.status()
        let copy = try tree.stage(path, modified: status.modified)
        var offset: Int64 = 0
        while offset < status.size {
            var piece = ByteBuffer()
            let count = try original.read(into: &piece, count: 1 << 20, at: offset)
            if count == 0 { break }
            try copy.write(piece, at: offset)
            offset += Int64(count)
        }
        return true
    }

    private static func link(_ path: RelativePath, from root: File, to directory: String) throws {
        try makeDirectories(directory, permissions: 0o700)
        var source = root
        var target = try File.open(directory, [.read, .directory])
        for name in path.components.dropLast() {
            source = try File.open(name, in: source, [.read, .directory, .noFollow])
            _ = try target.makeDirectory(name, permissions: 0o700)
            target = try File.open(name, in: target, [.read, .directory, .noFollow])
        }
        try source.link(path.name, to: path.name, in: target)
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }
}
