import FileIO
import Glibc

/// Finds the processes that have a database open.
///
/// Locks tell only of a program that is in the middle of something, and of one that uses a write-ahead log. An agent that is
/// idle on a database with a rollback journal holds none, and would go on with a file that has no name. `/proc` tells of it,
/// as far as this user may look; where there is no `/proc`, only the locks do.
enum DatabaseHolders {
    /// - Returns: a process for people, such as `'opencode' (process 123)`; `nil` if none is known.
    static func first(of database: DatabaseFile) -> String? { openFile(database).map(describe) }

    /// The process that keeps others out of a database, for who has been refused.
    static func ofLock(on path: String) -> String? { lock(path).map(describe) }

    /// The process of a descriptor that leads to the database.
    private static func openFile(_ database: DatabaseFile) -> pid_t? {
        guard let main = database.main else { return nil }
        let own = getpid()
        for process in names(in: "/proc") {
            guard let number = pid_t(process), number != own else { continue }
            for descriptor in names(in: "/proc/\(process)/fd") {
                var raw = stat()
                guard stat("/proc/\(process)/fd/\(descriptor)", &raw) == 0 else { continue }
                if UInt64(raw.st_ino) == main.inode, UInt64(raw.st_dev) == main.device { return number }
            }
        }
        return nil
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names
    }

    /// The process that has one of SQLite's locks: on the page at 2^30 of the main file, and on bytes of the shared memory of
    /// a log. Closing a file ends all locks of this process on it, so this process must have none.
    private static func lock(_ path: String) -> pid_t? {
        for (path, start, length) in [(path, off_t(1) << 30, off_t(512)), (path + "-shm", 120, 16)] {
            let file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
            guard file >= 0 else { continue }
            defer { close(file) }
            var lock = flock()
            lock.l_type = Int16(F_WRLCK)
            lock.l_whence = Int16(SEEK_SET)
            lock.l_start = start
            lock.l_len = length
            guard fcntl(file, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { continue }
            return lock.l_pid
        }
        return nil
    }

    private static func describe(_ process: pid_t) -> String {
        // A lock that belongs to no single process, or to one in another namespace, has no number.
        guard process > 0 else { return "another program" }
        guard let file = try? File.open("/proc/\(process)/comm", [.read]), let bytes = try? file.bytes() else {
            return "process \(process)"
        }
        let name = printable(bytes.filter { $0 != UInt8(ascii: "\n") })
        return name.isEmpty ? "process \(process)" : "'\(name)' (process \(process))"
    }
}
