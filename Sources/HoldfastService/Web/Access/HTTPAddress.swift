import NIOCore

/// Where the status page listens: an address of this machine, and a port.
public struct HTTPAddress: Sendable, Equatable, CustomStringConvertible {
    /// An IP address, without brackets, or `localhost`.
    public let host: String
    /// 0 for any port that is free.
    public let port: Int
    /// Only programs on this machine get there.
    public let isLoopback: Bool

    /// A text that is no address and port.
    public struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
        public let text: String
        public var description: String {
            "'\(text)' is no address to listen on. Use ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080"
        }
    }

    /// Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. Names of hosts are refused: what one stands for, and so who
    /// can reach the page, may change.
    /// - Throws: ``Malformed``.
    public init(_ text: String) throws(Malformed) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { throw Malformed(text: text) }
        let digits = bytes[(colon + 1)...]
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), port <= 65535
        else { throw Malformed(text: text) }
        var name = bytes[..<colon]
        let isBracketed = name.first == UInt8(ascii: "[") && name.last == UInt8(ascii: "]") && name.count > 2
        if isBracketed { name = name.dropFirst().dropLast() }
        let host = String(decoding: name, as: UTF8.self).lowercased()
        self.host = host
        self.port = port
        guard host != "localhost" else {
            isLoopback = true
            return
        }
        guard isBracketed == host.utf8.contains(UInt8(ascii: ":")),
            let address = try? SocketAddress(ipAddress: host, port: port)
        else { throw Malformed(text: text) }
        isLoopback = Self.isLoopback(host) || address.ipAddress == "::1"
    }

    /// - Parameter host: an IPv4 address in its usual form, or any other text.
    static func isLoopback(_ host: String) -> Bool {
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0].elementsEqual("127".utf8)
            && parts.allSatisfy { part in
                (1...3).contains(part.count) && part.allSatisfy { (0x30...0x39).contains($0) }
                    && Int(String(decoding: part, as: UTF8.self)).map { $0 <= 255 } == true
            }
    }

    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
