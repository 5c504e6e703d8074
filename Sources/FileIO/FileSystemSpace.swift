import Glibc

/// How much more a file system takes.
public enum FileSystemSpace {
    /// The bytes that this user can still write where a path is, or where it would be made. Blocks.
    /// - Throws: ``FileError``.
    public static func available(at path: String) throws(FileError) -> Int64 {
        var place = path
        while true {
            var raw = statvfs()
            if statvfs(place, &raw) == 0 {
                return Int64(
                    clamping: UInt64(raw.f_bavail).multipliedReportingOverflow(by: UInt64(raw.f_frsize)).partialValue)
            }
            guard errno == ENOENT || errno == ENOTDIR, let slash = place.utf8.lastIndex(of: UInt8(ascii: "/")) else {
                throw FileError("look at", path: place.utf8)
            }
            place = slash == place.startIndex ? "/" : String(place[..<slash])
        }
    }
}
