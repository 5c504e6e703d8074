import ObjectStore

/// The place of a commit in a memory's history, as its key says it.
///
/// `commits/{20 digits of 10^19 - seq}` where the store can create only what is absent, so that a sequence number has one
/// winner; else, and for the commits of writers who lost, `commits/{digits}-{nonce}`. The newest key sorts first.
public struct CommitName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// From 1.
    public let sequence: UInt64
    /// 32 hex digits; `nil` for a name that has one winner.
    public let nonce: String?

    public init(sequence: UInt64, nonce: String? = nil) {
        self.sequence = sequence
        self.nonce = nonce
    }

    private static let top: UInt64 = 10_000_000_000_000_000_000
    /// No memory gets there. Above it a key is no commit's, so there is always a next number.
    static let highest: UInt64 = 1_000_000_000_000_000_000

    /// Reads the part of a key behind `commits/`.
    /// - Returns: `nil` for any other text.
    public init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].count == 20, parts[0].allSatisfy({ (0x30...0x39).contains($0) }),
            let inverse = UInt64(String(decoding: parts[0], as: UTF8.self)), inverse < Self.top,
            inverse >= Self.top - Self.highest
        else { return nil }
        if parts.count == 2 {
            guard isHex(parts[1], digits: 32) else { return nil }
        }
        sequence = Self.top - inverse
        nonce = parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : nil
    }

    public var description: String {
        let digits = String(Self.top - sequence)
        let padded = String(repeating: "0", count: 20 - digits.count) + digits
        return nonce.map { "\(padded)-\($0)" } ?? padded
    }

    /// Newer commits first; of one number, the one with the plain name first.
    public static func < (a: CommitName, b: CommitName) -> Bool {
        if a.sequence != b.sequence { return a.sequence > b.sequence }
        return (a.nonce ?? "") < (b.nonce ?? "")
    }
}
