import AgentDatabase
import AgentFiles
import FileIO
import Repository

/// Databases among the files of a snapshot: `@data/NAME`, beside the storage directory's own paths.
///
/// The directory is not one on the disk; a storage directory that has one of this name keeps it out of the store.
enum DatabaseEntries {
    static let directory = "@data"

    static func path(of name: [UInt8]) -> RelativePath? {
        RelativePath(Array("\(directory)/".utf8) + name)
    }

    static func contains(_ path: RelativePath) -> Bool {
        path.bytes.starts(with: "\(directory)/".utf8) || path.bytes.elementsEqual(directory.utf8)
    }

    /// The name of the database at a path, if it is one that may be put beside a storage directory: not just any file of
    /// the agent's shall come from a store.
    /// - Parameter named: the value of `OPENCODE_DB`.
    static func name(at path: RelativePath, named: String?) -> [UInt8]? {
        guard contains(path), path.components.count == 2 else { return nil }
        let name = Array(path.name)
        return DatabaseScan.isDatabaseName(name) || DatabaseScan.storedName(ofNamed: named) == name ? name : nil
    }

    /// Chunks of small databases are small, since a few changed pages lie scattered over all of the file; those of
    /// large ones are larger, so that the list of them stays short. The figures are in docs/decisions/0008.
    /// - Returns: bytes, a multiple of every page size up to it.
    static func chunkLength(ofSize size: Int64) -> Int {
        var length = 16 << 10
        while size / Int64(length) > 1 << 17, length < 1 << 20 { length *= 2 }
        return length
    }
}

extension [Entry] {
    /// The files of the storage directory, and the databases.
    func divided() -> (files: [Entry], databases: [Entry]) {
        guard contains(where: { DatabaseEntries.contains($0.path) }) else { return (self, []) }
        return (filter { !DatabaseEntries.contains($0.path) }, filter { DatabaseEntries.contains($0.path) })
    }
}

extension DatabaseScan.Found {
    /// Names of what is here and is not captured. One that another file has counts for that.
    var otherNames: [[UInt8]] {
        let taken = Set(databases.map(\.name))
        return (problems.map(\.name) + leftOut.map(\.name)).filter { !taken.contains($0) }
    }

    /// Names what is left out, for people.
    var leftOutNotice: String? {
        guard !leftOut.isEmpty else { return nil }
        let shown = leftOut.prefix(5).map { "'\(printable($0.path.utf8))' (\($0.reason))" }.joined(separator: ", ")
        return "left out, here and in the store: \(shown)" + (leftOut.count > 5 ? " and \(leftOut.count - 5) more" : "")
    }
}

extension FileIndex {
    /// Whether a database is as it was when it was synchronised.
    func matches(_ database: DatabaseFile) -> Bool {
        guard let path = DatabaseEntries.path(of: database.name), let entry = entry(path) else { return false }
        guard entry.inode == database.fingerprint, entry.changed == database.changed else { return false }
        // A restore sets the file's own time back far enough; the entry tells that of the snapshot's.
        return isTrusted(
            FileIndex.Entry(
                path: path, size: entry.size, modified: database.modified, changed: entry.changed,
                inode: entry.inode, sha256: entry.sha256, wasRestored: entry.wasRestored))
    }
}

extension DatabaseFile {
    /// What the index remembers of a database. Its file and its log are one: what the system says of both is summed up.
    /// - Parameters:
    ///   - size: of the image, in bytes.
    ///   - sha256: of the image.
    ///   - wasRestored: the main file got a time long past when it was written.
    func indexEntry(
        at path: RelativePath, size: Int64, modified: Int64, sha256: Digest, wasRestored: Bool = false
    ) -> FileIndex.Entry {
        FileIndex.Entry(
            path: path, size: size, modified: modified, changed: changed, inode: fingerprint, sha256: sha256,
            wasRestored: wasRestored)
    }
}
