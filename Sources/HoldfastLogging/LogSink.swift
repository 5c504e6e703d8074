import FileIO
import Glibc
import NIOConcurrencyHelpers

/// Where log lines go: one line, one write, so that lines of several tasks and processes do not mix.
public final class LogSink: Sendable {
    private let write: NIOLockedValueBox<@Sendable ([UInt8]) -> Void>

    /// - Parameter write: is given one line at a time, with its line break, never two at once.
    public init(_ write: @escaping @Sendable ([UInt8]) -> Void) { self.write = NIOLockedValueBox(write) }

    /// Lines go to a descriptor that stays open, such as 2 for the standard error stream.
    ///
    /// Writing may block the calling task when nobody reads. That is on purpose: a queue would grow without bounds, and
    /// what is still in it is lost when the process ends, which is when the log is wanted most.
    public convenience init(descriptor: Int32) {
        self.init { line in
            var rest = line[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EAGAIN {
                    // Another owner of the stream made it non-blocking. Half a line is worse than waiting.
                    var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&writable, 1, -1)
                } else if errno != EINTR {
                    // There is no place left to say that logging failed.
                    return
                }
            }
        }
    }

    /// The standard error stream. Results alone go to the standard output.
    public static let standardError = LogSink(descriptor: 2)

    func emit(_ line: [UInt8]) { write.withLockedValue { $0(line) } }
}
