import FileIO
import Glibc

/// Follows a database that is a symbolic link, where that leads to this user's own file.
///
/// A link that somebody else could aim, or a target that somebody else could exchange, would make a save read a file that
/// is not the agent's, and a restore write one.
enum DatabaseLink {
    /// - Returns: the path itself if it is no link.
    /// - Throws: ``UnreadableDatabase`` for a link that is not followed.
    static func target(of path: String) throws(UnreadableDatabase) -> String {
        guard let link = try? FileStatus.at(path), link.kind == .link else { return path }
        func refuse(_ reason: String) -> UnreadableDatabase {
            UnreadableDatabase(.link, path: path, "it is a link \(reason)")
        }
        guard isTrusted(link.owner) else { throw refuse("of another user") }
        guard let resolved = realpath(path, nil) else {
            throw refuse("whose target cannot be found: \(systemReason(errno))")
        }
        defer { free(resolved) }
        let target = String(cString: resolved)
        func status(_ path: String) throws(UnreadableDatabase) -> FileStatus {
            do throws(FileError) { return try FileStatus.at(path) } catch {
                throw refuse("whose target cannot be looked at: \(error.reason)")
            }
        }
        let file = try status(target)
        guard file.kind == .regular else { throw refuse("to '\(target)', which is no file") }
        guard file.owner == FileStatus.currentOwner else { throw refuse("to '\(target)', another user's file") }
        let folder = try status(DatabaseScan.dataDirectory(of: target))
        guard isTrusted(folder.owner), !folder.othersMayWrite else {
            throw refuse("to '\(target)', in a directory that others may write to")
        }
        return target
    }

    private static func isTrusted(_ owner: UInt32) -> Bool { owner == FileStatus.currentOwner || owner == 0 }
}
