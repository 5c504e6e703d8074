import Foundation
import Glibc

/// This process's end of a connection to the standard input and output of a child.
///
/// No other child inherits it, so that its end, which the system brings about at the latest when this process ends,
/// always reaches the child.
final class Lifeline: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Starts a program on the other end, with this process's standard error and its environment.
    /// - Parameter arguments: the program's path and what follows it.
    static func spawn(_ arguments: [String]) throws -> (Lifeline, pid_t) {
        // A pair of sockets rather than pipes, since these can be made so that not even for a moment a child that
        // another thread starts can inherit them.
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw failure(errno) }
        let lifeline = Lifeline(descriptor: ends[0])
        defer { close(ends[1]) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var vector = arguments.map { strdup($0) } + [nil]
        defer { vector.forEach { free($0) } }
        var processID: pid_t = 0
        let code = posix_spawn(&processID, arguments[0], &actions, &attributes, &vector, environ)
        guard code == 0 else { throw failure(code) }
        return (lifeline, processID)
    }

    private static func failure(_ code: Int32) -> POSIXError { POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }

    /// Ends the child's standard input; its output can still be read.
    func endInput() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Blocks until the child has written a line, and returns it without its end; what there is of one when the output
    /// or the time is over.
    func readLine(within limit: Duration) -> [UInt8] {
        let deadline = ContinuousClock.now + limit
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = max(.zero, deadline - .now).components
            let ready = poll(&waiting, 1, Int32(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0, read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") else { return line }
            line.append(byte)
        }
    }
}
