import NIOCore

/// An IP address in the host of a URL, whatever its spelling.
public enum IPAddress: Sendable, Equatable {
    case v4([UInt8])
    case v6([UInt8])

    /// Reads an IPv4 address in any form that the system's resolver takes for one: four decimal numbers, fewer
    /// numbers (`127.1`), one number (`2852039166`), octal (`0251.…`) and hexadecimal (`0xa9.…`) ones.
    public static func legacyIPv4(_ host: String) -> IPAddress? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map(number)
        guard (1...4).contains(parts.count) else { return nil }
        var address: UInt32 = 0
        for (index, part) in parts.enumerated() {
            // The last number fills all bytes that are left.
            let bits = index == parts.count - 1 ? 32 - 8 * index : 8
            guard let part, part < 1 << UInt64(bits) else { return nil }
            address |= UInt32(part) << UInt32(index == parts.count - 1 ? 0 : 24 - 8 * index)
        }
        return .v4([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address >> $0) })
    }

    /// Reads an IPv6 address without brackets and zone (RFC 4291 §2.2).
    public static func ipv6(_ text: String) -> IPAddress? {
        guard case .v6(let socket)? = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
        // In a sockaddr_in6 the address follows family, port and flow label, eight bytes (RFC 3493 §3.3).
        return .v6(withUnsafeBytes(of: socket.address) { Array($0[8..<24]) })
    }

    public var bytes: [UInt8] {
        switch self {
        case .v4(let bytes), .v6(let bytes): bytes
        }
    }

    /// Whether the address begins with the same bits as a block of addresses.
    /// - Parameters:
    ///   - block: the first bytes of the block's address; the others are 0.
    ///   - bits: how many count, at most as many as the address has.
    public func isWithin(_ block: [UInt8], bits: Int) -> Bool {
        (0..<bits).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            let wanted = bit / 8 < block.count ? block[bit / 8] : 0
            return bytes[bit / 8] & mask == wanted & mask
        }
    }

    /// The usual spelling of an IPv4 address, four decimal numbers.
    public var dotted: String? {
        guard case .v4(let bytes) = self else { return nil }
        return bytes.map { String($0) }.joined(separator: ".")
    }

    /// The IPv4 address that an IPv6 address carries inside: mapped (`::ffff:0:0/96`), translated
    /// (`::ffff:0:0:0/96`), compatible (`::/96`), NAT64 (`64:ff9b::/96`) or 6to4 (`2002::/16`).
    public var embeddedIPv4: IPAddress? {
        guard case .v6(let bytes) = self else { return nil }
        if bytes.starts(with: [0x20, 0x02]) { return .v4(Array(bytes[2..<6])) }
        let prefixes: [[UInt8]] = [
            Array(repeating: 0, count: 10) + [0xFF, 0xFF], Array(repeating: 0, count: 8) + [0xFF, 0xFF, 0, 0],
            [0, 0x64, 0xFF, 0x9B] + Array(repeating: 0, count: 8),
        ]
        if prefixes.contains(where: { bytes.starts(with: $0) }) { return .v4(Array(bytes[12...])) }
        // `::` and `::1` begin like compatible addresses and are not.
        let isCompatible = bytes[..<12].allSatisfy { $0 == 0 } && bytes[12..<15].contains { $0 != 0 }
        return isCompatible ? .v4(Array(bytes[12...])) : nil
    }

    private static func number(_ text: Substring) -> UInt64? {
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            let digits = text.dropFirst(2)
            return digits.isEmpty ? 0 : digits.first == "+" || digits.first == "-" ? nil : UInt64(digits, radix: 16)
        }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return text.first == "0" && text.utf8.count > 1 ? UInt64(text.dropFirst(), radix: 8) : UInt64(text)
    }
}
