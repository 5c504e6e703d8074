import CFileIO
import Glibc
import NIOCore

/// An open file or directory; closed when the last reference goes.
///
/// Every method blocks: call them inside ``FileIO/run(_:)``. Reads and writes name their offset, so one `File` serves
/// several tasks.
public final class File: Sendable {
    let descriptor: Int32
    private let shown: ShownPath
    /// The path for messages: the one it was opened with, behind that of the directory it was opened in.
    public var path: [UInt8] { shown.bytes }

    private init(descriptor: Int32, shown: ShownPath) {
        self.descriptor = descriptor
        self.shown = shown
    }

    /// A path for messages. It is put together when it is asked for, which it hardly ever is: a restore opens ten thousand
    /// files.
    public struct ShownPath: Sendable {
        private let directory: [UInt8]
        /// Nothing if ``directory`` is all.
        private let name: [UInt8]

        /// - Parameter name: behind the path of the directory.
        public init(_ name: [UInt8], in directory: File) { (self.directory, self.name) = (directory.path, name) }

        /// A whole path.
        public init(_ path: [UInt8]) { (directory, name) = (path, []) }

        public var bytes: [UInt8] { name.isEmpty ? directory : File.join(directory, name) }
    }

    deinit { _ = Glibc.close(descriptor) }

    /// How a file is opened.
    public struct Mode: OptionSet, Sendable {
        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
        public static let read = Mode(rawValue: O_RDONLY)
        public static let write = Mode(rawValue: O_WRONLY)
        public static let readWrite = Mode(rawValue: O_RDWR)
        public static let directory = Mode(rawValue: O_DIRECTORY)
        /// Make the file; fail if the name is taken.
        public static let createNew = Mode(rawValue: O_CREAT | O_EXCL)
        /// Make the file if it is missing.
        public static let create = Mode(rawValue: O_CREAT)
        /// Fail if the last component is a symbolic link.
        public static let noFollow = Mode(rawValue: O_NOFOLLOW)
    }

    /// Opens a path, or a name below an open directory.
    /// - Parameters:
    ///   - path: bytes without a NUL.
    ///   - directory: where a relative path starts; the working directory if `nil`.
    ///   - permissions: of a file that is made.
    ///   - shownPath: what messages call the file instead, such as the path that a temporary file will get.
    /// - Throws: ``FileError``.
    public static func open(
        _ path: some Collection<UInt8>, in directory: File? = nil, _ mode: Mode, permissions: UInt32 = 0o644,
        shownAs shownPath: ShownPath? = nil
    ) throws(FileError) -> File {
        let name = try terminated(path, "open")
        let shown =
            if let shownPath {
                shownPath
            } else if let directory, !mode.contains(.directory) {
                ShownPath(Array(path), in: directory)
            } else {
                // Once, and not for each file in it.
                ShownPath(directory?.joined(path) ?? Array(path))
            }
        // Non-blocking, so that a pipe put where a file is expected cannot hang the open.
        let flags = mode.rawValue | O_CLOEXEC | O_NONBLOCK
        while true {
            let descriptor = Glibc.openat(directory?.descriptor ?? AT_FDCWD, name, flags, permissions)
            if descriptor >= 0 { return File(descriptor: descriptor, shown: shown) }
            let code = errno
            if code != EINTR { throw FileError("open", path: shown.bytes, code: code) }
        }
    }

    /// Makes a file below an open directory, in as few steps as there are: a restore does it ten thousand times.
    /// - Parameters:
    ///   - name: must be free. A link is not followed.
    ///   - modified: when the content last changed, in nanoseconds since 1970; now if `nil`.
    ///   - shown: what messages call the file.
    /// - Returns: what the system says of it then.
    /// - Throws: ``FileError``; then the file is not there, unless the name was taken.
    public static func create(
        _ name: ArraySlice<UInt8>, in directory: File, _ content: ByteBuffer, modified: Int64?, permissions: UInt32,
        shownAs shown: @autoclosure () -> ShownPath
    ) throws(FileError) -> FileStatus {
        var failure: (operation: String, code: Int32)? = ("open", EINVAL)  // A NUL would cut the name short.
        var raw = stat()
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: name.count + 1) { space in
            name.withUnsafeBytes { UnsafeMutableRawBufferPointer(space).copyMemory(from: $0) }
            space[name.count] = 0
            guard let path = UnsafePointer(space.baseAddress), strlen(path) == name.count else { return }
            failure = make(path, in: directory.descriptor, content, modified, permissions, &raw)
        }
        if let failure { throw FileError(failure.operation, path: shown().bytes, code: failure.code) }
        return FileStatus(raw)
    }

    /// - Returns: what could not be done, if anything, and `errno`.
    private static func make(
        _ path: UnsafePointer<CChar>, in directory: Int32, _ content: ByteBuffer, _ modified: Int64?,
        _ permissions: UInt32, _ status: inout stat
    ) -> (operation: String, code: Int32)? {
        var descriptor: Int32
        repeat {
            descriptor = openat(directory, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, permissions)
        } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else { return ("open", errno) }
        defer { _ = Glibc.close(descriptor) }
        var failure = write(content, at: 0, to: descriptor).map { ("write", $0) }
        if failure == nil, let modified, !setModified(descriptor, to: modified) { failure = ("set the time of", errno) }
        if failure == nil, fstat(descriptor, &status) != 0 { failure = ("look at", errno) }
        if failure != nil { unlinkat(directory, path, 0) }
        return failure
    }

    /// Opens a path given as text.
    public static func open(_ path: String, _ mode: Mode, permissions: UInt32 = 0o644) throws(FileError) -> File {
        try open(Array(path.utf8), mode, permissions: permissions)
    }

    /// Makes a file without a name in `$TMPDIR` or `/tmp`: it is gone when it is closed, or when the process dies.
    public static func temporary() throws(FileError) -> File {
        let directory = try File.open(TemporaryFiles.directory, [.read, .directory])
        let name = FileIO.temporaryName("holdfast-")
        let file = try File.open(name, in: directory, [.readWrite, .createNew, .noFollow], permissions: 0o600)
        try directory.remove(name)
        return file
    }

    /// Opens a path below an open directory, following no symbolic link on the way.
    /// - Parameter names: the directories on the way and the name at its end; at least one.
    /// - Throws: ``FileError``.
    public static func open(
        _ names: [some Collection<UInt8>], beneath directory: File, _ mode: Mode
    ) throws(FileError) -> File {
        var current = directory
        for name in names.dropLast() { current = try open(name, in: current, [.read, .directory, .noFollow]) }
        guard let last = names.last else { throw FileError("open", path: directory.path, code: EINVAL) }
        return try open(last, in: current, mode.union(.noFollow))
    }

    /// Status of the open file.
    public func status() throws(FileError) -> FileStatus {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { throw FileError("look at", path: path) }
        return FileStatus(raw)
    }

    /// Status of a name in this directory; a symbolic link is not followed.
    public func status(of name: some Collection<UInt8>) throws(FileError) -> FileStatus {
        var raw = stat()
        guard fstatat(descriptor, try terminated(name, "look at"), &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw FileError("look at", path: joined(name))
        }
        return FileStatus(raw)
    }

    /// ``status(of:)``, or `nil` if nothing has the name: cheaper than an error where that is to be expected.
    public func statusIfPresent(of name: some Collection<UInt8>) throws(FileError) -> FileStatus? {
        var raw = stat()
        if fstatat(descriptor, try terminated(name, "look at"), &raw, AT_SYMLINK_NOFOLLOW) == 0 {
            return FileStatus(raw)
        }
        guard errno == ENOENT else { throw FileError("look at", path: joined(name)) }
        return nil
    }

    /// A right of this process to a name.
    public enum Access: Sendable { case read, write }

    /// Whether the system would let this process read or change a name in this directory (`.` for the directory
    /// itself). A negative answer is certain, a positive one is a forecast.
    public func permits(_ access: Access, of name: some Collection<UInt8>) throws(FileError) -> Bool {
        let mode = access == .read ? R_OK : W_OK
        if faccessat(descriptor, try terminated(name, "look at"), mode, AT_EACCESS) == 0 { return true }
        // Only these two speak of rights. Some sandboxes answer EPERM to the system call itself.
        return errno != EACCES && errno != EROFS
    }

    /// Says who may use the file.
    public func setPermissions(to permissions: UInt32) throws(FileError) {
        guard fchmod(descriptor, permissions) == 0 else { throw FileError("set the permissions of", path: path) }
    }

    /// Sets when the content of a name in this directory last changed; a symbolic link is not followed.
    /// - Parameter nanoseconds: since 1970.
    public func setModified(of name: some Collection<UInt8>, to nanoseconds: Int64) throws(FileError) {
        let times = [Self.omitted, timespec(nanoseconds)]
        guard utimensat(descriptor, try terminated(name, "set the time of"), times, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw FileError("set the time of", path: joined(name))
        }
    }

    /// Sets when the content of the open file last changed.
    /// - Parameter nanoseconds: since 1970.
    public func setModified(to nanoseconds: Int64) throws(FileError) {
        guard Self.setModified(descriptor, to: nanoseconds) else { throw FileError("set the time of", path: path) }
    }

    /// Sets the permissions of the open file: nine bits.
    public func setPermissions(_ permissions: UInt32) throws(FileError) {
        guard fchmod(descriptor, permissions) == 0 else { throw FileError("set the permissions of", path: path) }
    }

    private static func setModified(_ descriptor: Int32, to nanoseconds: Int64) -> Bool {
        // A tuple lies on the stack.
        withUnsafeBytes(of: (omitted, timespec(nanoseconds))) { times in
            futimens(descriptor, times.assumingMemoryBound(to: timespec.self).baseAddress) == 0
        }
    }

    /// UTIME_OMIT, which the importer does not show: leave the time of the last access as it is.
    private static let omitted = timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)

    /// Appends up to `count` bytes at an offset to a buffer.
    /// - Returns: how many bytes were read; less than `count` only at the end of the file.
    public func read(into buffer: inout ByteBuffer, count: Int, at offset: Int64) throws(FileError) -> Int {
        var total = 0
        while total < count {
            var code: Int32 = 0
            let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - total) { space in
                let read = pread(descriptor, space.baseAddress, min(space.count, count - total), off_t(offset) + total)
                code = errno
                return max(0, read)
            }
            if read > 0 {
                total += read
            } else if code == EINTR {
                continue
            } else if isAtEnd(offset + Int64(total)) {
                break
            } else {
                throw FileError("read", path: path, code: code)
            }
        }
        return total
    }

    /// A `pread` of zero bytes is the end of the file; this tells it from an error without keeping `errno` around.
    private func isAtEnd(_ offset: Int64) -> Bool {
        var byte: UInt8 = 0
        return pread(descriptor, &byte, 1, off_t(offset)) == 0
    }

    /// Writes all of a buffer at an offset.
    public func write(_ buffer: ByteBuffer, at offset: Int64) throws(FileError) {
        if let code = Self.write(buffer, at: offset, to: descriptor) {
            throw FileError("write", path: path, code: code)
        }
    }

    /// - Returns: `errno` if it failed.
    private static func write(_ buffer: ByteBuffer, at offset: Int64, to descriptor: Int32) -> Int32? {
        buffer.withUnsafeReadableBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = pwrite(
                    descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written, off_t(offset) + written)
                if count > 0 {
                    written += count
                } else if errno != EINTR {
                    return errno
                }
            }
            return nil
        }
    }

    /// The whole content, for small files.
    public func bytes() throws(FileError) -> [UInt8] {
        var buffer = ByteBuffer()
        var size = try status().size
        // A file of /proc has no size, and a file may grow while it is read: read until there is no more.
        repeat {
            size = max(size, 4096)
        } while try read(into: &buffer, count: Int(size), at: Int64(buffer.readableBytes)) == Int(size)
        return Array(buffer.readableBytesView)
    }

    /// Sets the length, in bytes.
    public func truncate(to length: Int64) throws(FileError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw FileError("resize", path: path) }
    }

    /// Brings content and metadata to the disk.
    public func sync() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError("sync", path: path) }
    }

    /// Brings the whole file system that holds this file to the disk: for thousands of files, far cheaper than one
    /// ``sync()`` each.
    public func syncFileSystem() throws(FileError) {
        guard holdfast_syncfs(descriptor) == 0 else { throw FileError("sync the file system of", path: path) }
    }

    /// Takes an exclusive advisory lock, which ends with the process.
    /// - Returns: whether it was free.
    public func tryLock() throws(FileError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw FileError("lock", path: path) }
        return false
    }

    /// `name` behind this file's own path, for messages.
    public func joined(_ name: some Collection<UInt8>) -> [UInt8] { Self.join(path, name) }

    private static func join(_ directory: [UInt8], _ name: some Collection<UInt8>) -> [UInt8] {
        var path: [UInt8] = []
        path.reserveCapacity(directory.count + 1 + name.count)
        path += directory
        path.append(UInt8(ascii: "/"))
        path += name
        return path
    }
}

extension timespec {
    /// - Parameter nanoseconds: since 1970, also before.
    fileprivate init(_ nanoseconds: Int64) {
        let part = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let borrow: Int64 = part.remainder < 0 ? 1 : 0
        self.init(tv_sec: time_t(part.quotient - borrow), tv_nsec: Int(part.remainder + borrow * 1_000_000_000))
    }
}

/// A C string; a NUL inside would cut the name short and address another file.
func terminated(_ name: some Collection<UInt8>, _ operation: String) throws(FileError) -> [CChar] {
    // At once: walking a collection of unknown type costs more than the system call it is for.
    let copied = name.withContiguousStorageIfAvailable { bytes -> [CChar]? in
        guard !bytes.contains(0) else { return nil }
        return [CChar](unsafeUninitializedCapacity: bytes.count + 1) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(bytes))
            buffer[bytes.count] = 0
            count = bytes.count + 1
        }
    }
    switch copied {
    case .some(let name?): return name
    case .some(nil): throw FileError(operation, path: name, code: EINVAL)
    case nil: return try terminated(Array(name), operation)
    }
}
