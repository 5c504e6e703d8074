import Basics
import Crypto
import NIOCore

/// A SHA-256: the name of a blob, a pack or a snapshot.
public struct Digest: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// How many bytes a digest has.
    public static let byteCount = 32

    // Four words and not an array: a manifest holds tens of thousands of digests.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// The digest whose bytes are all zero, which no content has.
    public static let zero = Digest(words: (0, 0, 0, 0))

    private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// The digest of some content.
    public init(of content: ByteBuffer) {
        self = content.withUnsafeReadableBytes { Digest(of: $0) }
    }

    /// The digest of some content.
    public init(of content: UnsafeRawBufferPointer) {
        var hasher = SHA256()
        hasher.update(bufferPointer: content)
        self.init(hasher)
    }

    /// The digest of what an open file holds, read in pieces. Blocks.
    /// - Throws: ``FileError``.
    public init(of file: File) throws(FileError) {
        var hasher = SHA256()
        var piece = ByteBuffer()
        var offset: Int64 = 0
        while true {
            piece.clear()
            let count = try file.read(into: &piece, count: 1 << 18, at: offset)
            piece.withUnsafeReadableBytes { hasher.update(bufferPointer: $0) }
            offset += Int64(count)
            if count < 1 << 18 { break }
        }
        self.init(hasher)
    }

    fileprivate init(_ hasher: SHA256) {
        self = hasher.finalize().withUnsafeBytes { Digest(words: $0) }
    }

    /// - Returns: `nil` unless there are exactly 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self = Array(bytes).withUnsafeBytes { Digest(words: $0) }
    }

    /// - Returns: `nil` unless there are exactly 32 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(words: bytes)
    }

    /// - Returns: `nil` unless the text is 64 lower-case hex digits.
    public init?(hex text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Hexadecimal.lowerCaseValue(digits[index]),
                let low = Hexadecimal.lowerCaseValue(digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes: bytes)
    }

    private init(words raw: UnsafeRawBufferPointer) {
        words = raw.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withBytes { Array($0) } }

    /// Lends the 32 bytes without a copy on the heap.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body($0) }
    }

    /// The 64 lower-case hex digits.
    public var hexadecimal: String { withBytes { Hexadecimal.text($0) } }
    public var description: String { hexadecimal }

    public static func == (a: Digest, b: Digest) -> Bool {
        a.words.0 == b.words.0 && a.words.1 == b.words.1 && a.words.2 == b.words.2 && a.words.3 == b.words.3
    }

    public static func < (a: Digest, b: Digest) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

    /// The bytes of a digest are as good as random: any word of it spreads well.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// In JSON, a digest is its 64 lower-case hex digits.
extension Digest: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let digest = Digest(hex: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no SHA-256 in hex")
        }
        self = digest
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hexadecimal)
    }
}

/// Comes to the digest of content that arrives piece by piece.
public struct DigestHasher: Sendable {
    private var hasher = SHA256()

    public init() {}

    public mutating func update(_ content: ByteBuffer) {
        content.withUnsafeReadableBytes { hasher.update(bufferPointer: $0) }
    }

    /// The digest of all content so far.
    public var digest: Digest { Digest(hasher) }
}
