import FileIO
import NIOCore

/// How archives are compressed; the names are those that `actions/cache` hashes.
enum Compression: String, Sendable {
    case zstd = "zstd-without-long"
    case gzip

    /// The name of the archive's file.
    var fileName: String { self == .zstd ? "cache.tzst" : "cache.tgz" }
}

/// Entries of different paths or compressions do not see each other: this hash tells them apart.
enum CacheVersion {
    /// - Parameter paths: exactly as they were given; blanks around them are dropped.
    /// - Returns: 64 lower-case hex digits.
    static func hash(paths: [String], compression: Compression) -> String {
        let lines = paths.map(trimmed).filter { !$0.isEmpty }
        let parts = lines + [compression.rawValue, "1.0"]
        return Digest(of: ByteBuffer(string: parts.joined(separator: "|"))).hexadecimal
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
