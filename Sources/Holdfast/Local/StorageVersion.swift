import AgentFiles
import FileIO
import NIOCore

/// The marker of a storage directory: the file `.version`, which says how the state in it is laid out (RFC-002).
///
/// Known is version 1. A directory without a marker is compatible, whoever wrote it; another number means that its state is
/// not for this agent.
enum StorageVersion {
    static let name = ".version"
    static let current = "1"

    /// Why the state is not for us; `nil` if it is.
    static func mismatch(in storage: String) async throws -> String? {
        let found: String? = try await FileIO.run {
            let file: File
            do throws(FileError) { file = try File.open("\(storage)/\(name)", [.read, .noFollow]) } catch {
                if error.isNotFound { return nil }
                throw error
            }
            var bytes = ByteBuffer()
            _ = try file.read(into: &bytes, count: 64, at: 0)
            return String(buffer: bytes)
        }
        guard let found else { return nil }
        let number = found.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        return number == current
            ? nil : "it is marked as version '\(printable(number.utf8))', and this agent has version \(current)"
    }

    /// Writes the marker where there is none. One that says something else stays: it is not ours to correct.
    /// - Throws: ``FileError``.
    static func write(in storage: String) async throws {
        try await FileIO.run {
            try makeDirectories(storage)
            let root = try File.open(storage, [.read, .directory])
            guard try root.statusIfPresent(of: name.utf8) == nil else { return }
            let temporary = FileIO.temporaryName(".version-")
            do {
                try File.open(temporary, in: root, [.write, .createNew]).write(ByteBuffer(string: current), at: 0)
                try root.rename(temporary, to: name.utf8, in: root)
            } catch {
                try? root.remove(temporary)
                throw error
            }
        }
    }
}

extension RelativePath {
    /// Whether it is the file that says how the storage directory is laid out, which holds nothing of an agent.
    var isMarker: Bool { bytes.elementsEqual(StorageVersion.name.utf8) }
}
