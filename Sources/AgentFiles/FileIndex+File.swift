import FileIO
import Glibc
import NIOCore

extension FileIndex {
    /// Larger files are not read: ten thousand entries take about one megabyte.
    static let longestFile: Int64 = 256 << 20

    /// Reads an index. Blocks.
    /// - Parameters:
    ///   - path: of its file.
    ///   - scope: what it must be for.
    /// - Returns: `nil` if there is none, or none that is whole, readable and for this scope.
    public static func read(path: String, scope: String) -> FileIndex? {
        guard let file = try? File.open(path, [.read]), let status = try? file.status(),
            status.kind == .regular, status.size <= longestFile, let bytes = try? file.bytes(),
            let index = FileIndex(encoded: bytes), index.scope.utf8.elementsEqual(scope.utf8)
        else { return nil }
        return index
    }

    /// Replaces the file at a path, which only this user can read. Blocks.
    ///
    /// A reader finds the former index or this one. After a power cut the file may be torn, which its checksum shows, so
    /// there is no wait for the disk.
    /// - Throws: ``FileError``; the file is then as it was.
    public func write(to path: String) throws(FileError) { try Self.write(encoded: encoded(), to: path) }

    /// ``write(to:)`` for an index that was encoded before.
    /// - Parameter bytes: what ``encoded()`` gave.
    public static func write(encoded bytes: [UInt8], to path: String) throws(FileError) {
        let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let name = names.last, !name.isEmpty else { throw FileError("write", path: path.utf8, code: EISDIR) }
        let parent = String(decoding: path.utf8.dropLast(name.count), as: UTF8.self)
        try makeDirectories(parent, permissions: StagingName.directoryPermissions)
        let directory = try File.open(parent.isEmpty ? "." : parent, [.read, .directory])
        let temporary = FileIO.temporaryName(".index-")
        let file = try File.open(
            temporary, in: directory, [.write, .createNew, .noFollow], permissions: 0o600,
            shownAs: File.ShownPath(Array(path.utf8)))
        do throws(FileError) {
            try file.write(ByteBuffer(bytes: bytes), at: 0)
            try directory.rename(temporary, to: name, in: directory)
        } catch {
            try? directory.remove(temporary)
            throw error
        }
    }
}
