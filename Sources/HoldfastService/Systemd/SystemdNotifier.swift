import Glibc

/// Tells systemd how the service is doing, as `sd_notify(3)` does: datagrams to the socket that `NOTIFY_SOCKET` names.
public struct SystemdNotifier: Sendable {
    private let address: [UInt8]
    /// How often systemd wants a sign of life; `nil` if it does not.
    public let watchdog: Duration?

    /// - Parameters:
    ///   - environment: of the process.
    ///   - processID: of the process; a watchdog is for the process that `WATCHDOG_PID` names.
    /// - Returns: `nil` where systemd has not started the process, or does not want to be told.
    public init?(environment: [String: String], processID: Int32 = getpid()) {
        guard let socket = environment["NOTIFY_SOCKET"], let first = socket.utf8.first,
            first == UInt8(ascii: "/") || first == UInt8(ascii: "@"), socket.utf8.count < 108
        else { return nil }
        // `@` stands for the NUL that an abstract address begins with (systemd.exec(5)).
        address = first == UInt8(ascii: "@") ? [0] + socket.utf8.dropFirst() : Array(socket.utf8)
        let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(processID)" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdog = isOurs && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// A message to systemd.
    public enum Message: Sendable, Equatable {
        /// The service does its work.
        case ready
        /// What it is at, in one line for `systemctl status`.
        case status(String)
        case stopping
        /// A sign of life.
        case alive

        var text: String {
            switch self {
            case .ready: "READY=1"
            case .status(let words): "STATUS=" + words.filter { !$0.isNewline }
            case .stopping: "STOPPING=1"
            case .alive: "WATCHDOG=1"
            }
        }
    }

    /// Sends messages in one datagram. That nobody listens is no error of ours.
    /// - Returns: whether it was sent.
    @discardableResult
    public func send(_ messages: Message...) -> Bool {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: address) }
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        // A path may end with a NUL; an abstract address is exactly as long as it says.
        let length = socklen_t(start + address.count + (address[0] == 0 ? 0 : 1))
        let payload = Array(messages.map(\.text).joined(separator: "\n").utf8)
        return withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                sendto(descriptor, payload, payload.count, Int32(MSG_NOSIGNAL), address, length)
            }
        } == payload.count
    }
}
