import AgentFiles
import FileIO
import FoundationEssentials
import NIOCore

/// Copies of files that a pull replaces although they had changed here.
enum KeptFiles {
    /// Copies files into a new directory beside the storage directory.
    /// - Returns: the directory.
    /// - Throws: ``FileError``.
    static func copy(_ paths: [RelativePath], of storage: String) async throws -> String {
        let seconds = Int(Date().timeIntervalSince1970)
        let directory = "\(trimmed(storage)).replaced-\(seconds)-\(UInt16.random(in: .min ... .max))"
        try await FileIO.run {
            let root = try File.open(storage, [.read, .directory])
            let tree = try StagedTree.open(directory)
            do {
                for path in paths { try copy(path, from: root, into: tree) }
                try tree.commit()
            } catch {
                tree.abandon()
                throw error
            }
        }
        return directory
    }

    private static func copy(_ path: RelativePath, from root: File, into tree: StagedTree) throws {
        let original = try File.open(path.components, beneath: root, .read)
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
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }
}
