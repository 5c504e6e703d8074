import Glibc

/// Status of a file as `fstat` gives it: enough to tell whether it changed.
public struct FileStatus: Sendable, Equatable {
    public enum Kind: Sendable, Equatable { case regular, directory, link, other }

    public let kind: Kind
    /// In bytes.
    public let size: Int64
    /// Nanoseconds since 1970 of the last change of content.
    public let modified: Int64
    /// Nanoseconds since 1970 of the last change of content, name or rights; cannot be set back by a program.
    public let changed: Int64
    public let inode: UInt64
    public let device: UInt64
    /// The nine permission bits.
    public let permissions: UInt32
    /// The number of the user whose file it is.
    public let owner: UInt32
    /// The number of the group that ``permissions`` are about.
    public let group: UInt32
    /// How many names the file has.
    public let links: UInt64

    /// The user as whom this process touches files.
    public static var currentOwner: UInt32 { UInt32(geteuid()) }

    /// Whether users other than the owner may make and replace names in a directory with these permissions. A group of the
    /// owner's own number is the private group that many systems give each user.
    public var othersMayWrite: Bool {
        permissions & 0o002 != 0 || permissions & 0o020 != 0 && group != owner
    }

    /// Status of a path; a symbolic link at its end is not followed. Blocks.
    public static func at(_ path: String) throws(FileError) -> FileStatus {
        var raw = stat()
        guard fstatat(AT_FDCWD, path, &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw FileError("look at", path: path.utf8)
        }
        return FileStatus(raw)
    }

    init(_ raw: stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        size = Int64(raw.st_size)
        modified = Int64(raw.st_mtim.tv_sec) * 1_000_000_000 + Int64(raw.st_mtim.tv_nsec)
        changed = Int64(raw.st_ctim.tv_sec) * 1_000_000_000 + Int64(raw.st_ctim.tv_nsec)
        inode = UInt64(raw.st_ino)
        device = UInt64(raw.st_dev)
        permissions = UInt32(raw.st_mode) & 0o777
        owner = UInt32(raw.st_uid)
        group = UInt32(raw.st_gid)
        links = UInt64(raw.st_nlink)
    }
}
