import Glibc

/// A port that is taken and on which nobody listens: no other test can get it meanwhile.
public final class ClosedPort: Sendable {
    public let number: UInt16
    private let descriptor: Int32

    public init() throws {
        let taken = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(taken, address, length) == 0 ? getsockname(taken, address, &length) : -1
            }
        }
        (descriptor, number) = (taken, UInt16(bigEndian: address.sin_port))
        guard code == 0 else { throw ClosedPortError(code: errno) }
    }

    /// `http://127.0.0.1:PORT`.
    public var url: String { "http://127.0.0.1:\(number)" }

    deinit { close(descriptor) }
}

private struct ClosedPortError: Error { let code: Int32 }
