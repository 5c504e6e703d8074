import FileIO
import Glibc
import NIOCore

/// The kernel's queue of changes in directories (inotify(7)). Every method but ``add(_:)`` and ``remove(_:)`` blocks.
final class Inotify: Sendable {
    /// One change of a name in a watched directory, or of the directory itself.
    struct Event: Sendable, Equatable {
        /// Which watch noticed it; -1 for the queue itself.
        var watch: Int32
        var mask: UInt32
        /// Empty for the directory itself.
        var name: [UInt8]

        func has(_ bits: Int32) -> Bool { mask & UInt32(bitPattern: bits) != 0 }
        var isDirectory: Bool { has(IN_ISDIR) }
        /// The queue was full: events are lost.
        var isOverflow: Bool { has(IN_Q_OVERFLOW) }
    }

    /// What is asked for. IN_CLOSE_WRITE also tells of what was written through a memory map.
    private static let mask = UInt32(
        bitPattern: IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

    private let descriptor: Int32

    /// - Throws: ``FileError`` if the system has no more queues for this user.
    init() throws(FileError) {
        descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("watch", path: "inotify".utf8) }
    }

    deinit { close(descriptor) }

    /// Watches a directory. The same directory twice is one watch.
    /// - Throws: ``FileError``.
    func add(_ directory: [UInt8]) throws(FileError) -> Int32 {
        let (watch, code) = (directory + [0]).withUnsafeBytes { bytes in
            let watch = inotify_add_watch(
                descriptor, bytes.assumingMemoryBound(to: CChar.self).baseAddress, Self.mask)
            return (watch, errno)
        }
        guard watch >= 0 else { throw FileError("watch", path: directory, code: code) }
        return watch
    }

    func remove(_ watch: Int32) { _ = inotify_rm_watch(descriptor, watch) }

    /// Waits until there are events.
    /// - Returns: whether there are any.
    func wait(milliseconds: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, milliseconds) > 0
    }

    /// Reads the events that are there.
    /// - Throws: ``FileError``.
    func read() throws(FileError) -> [Event] {
        var events: [Event] = []
        var buffer = ByteBuffer()
        while true {
            var code: Int32 = 0
            buffer.clear(minimumCapacity: 1 << 16)
            let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 1 << 16) { space in
                let count = Glibc.read(descriptor, space.baseAddress, space.count)
                code = errno
                return max(0, count)
            }
            if count == 0 {
                if code == EINTR { continue }
                if code == EAGAIN { return events }
                throw FileError("read", path: "inotify".utf8, code: code)
            }
            while let event = Self.event(&buffer) { events.append(event) }
        }
    }

    /// The layout of `struct inotify_event`: watch, mask, cookie, length, and a name padded with NULs.
    static func event(_ buffer: inout ByteBuffer) -> Event? {
        guard let watch = buffer.readInteger(endianness: .host, as: Int32.self),
            let mask = buffer.readInteger(endianness: .host, as: UInt32.self),
            buffer.readInteger(as: UInt32.self) != nil,
            let length = buffer.readInteger(endianness: .host, as: UInt32.self),
            let name = buffer.readBytes(length: Int(length))
        else { return nil }
        return Event(watch: watch, mask: mask, name: Array(name.prefix { $0 != 0 }))
    }
}
