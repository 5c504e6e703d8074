import Glibc

/// The path of a file below a storage directory: names separated by `/`, as bytes.
///
/// Paths are compared as bytes. `String ==` would call an NFC and an NFD spelling the same file, and some names are not
/// text at all. A value always holds at least one name, and no name is empty, `.` or `..`, or contains a NUL, so it
/// cannot point out of the directory it is joined to.
public struct RelativePath: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// - Returns: `nil` unless `bytes` is a relative path without empty, `.` and `..` components and without a NUL.
    public init?(_ bytes: some Collection<UInt8>) { self.init(bytes: Array(bytes)) }

    /// The same from an array, which is not copied: ten thousand paths are read with an index, and with a manifest.
    public init?(bytes: [UInt8]) {
        guard bytes.withUnsafeBufferPointer(Self.isValid) else { return nil }
        self.bytes = bytes
    }

    private static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var start = 0
        for end in 0...bytes.count where end == bytes.count || bytes[end] == UInt8(ascii: "/") || bytes[end] == 0 {
            if end < bytes.count, bytes[end] == 0 { return false }
            // Nothing, `.` and `..` are no names.
            if end - start <= 2, bytes[start..<end].allSatisfy({ $0 == UInt8(ascii: ".") }) { return false }
            start = end + 1
        }
        return true
    }

    /// The same from text, whose UTF-8 is taken as it is.
    public init?(_ text: String) { self.init(text.utf8) }

    /// Joins names. `nil` if there is none, or one of them could not name a file.
    public init?(components: some Sequence<some Collection<UInt8>>) {
        for name in components where name.contains(UInt8(ascii: "/")) { return nil }
        self.init(Array(components.joined(separator: [UInt8(ascii: "/")])))
    }

    /// Makes a path of a name from a directory listing, which cannot break the rules.
    public init(listed name: [UInt8], in directory: RelativePath?) {
        bytes = directory.map { $0.bytes + [UInt8(ascii: "/")] + name } ?? name
    }

    /// The first part of a valid path, up to a separator.
    private init(prefix bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

    /// The names of the directories on the way, then that of the file.
    public var components: [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "/")) }

    /// The last component.
    public var name: ArraySlice<UInt8> {
        guard let separator = bytes.lastIndex(of: UInt8(ascii: "/")) else { return bytes[...] }
        return bytes[(separator + 1)...]
    }

    /// The directory that holds the file; `nil` if that is the storage directory itself.
    public var parent: RelativePath? {
        bytes.lastIndex(of: UInt8(ascii: "/")).map { RelativePath(prefix: bytes[..<$0]) }
    }

    /// The directories on the way, the outermost first.
    public var ancestors: [RelativePath] {
        bytes.indices.filter { bytes[$0] == UInt8(ascii: "/") }.map { RelativePath(prefix: bytes[..<$0]) }
    }

    /// Whether the path lies below a directory, however deep.
    public func isBelow(_ directory: RelativePath) -> Bool {
        let length = directory.bytes.count
        guard bytes.count > length, bytes[length] == UInt8(ascii: "/") else { return false }
        return Self.order(bytes, directory.bytes, length) == 0
    }

    /// Whether both have so many bytes, and the same.
    public func sharesStart(_ count: Int, with other: RelativePath) -> Bool {
        count <= min(bytes.count, other.bytes.count) && Self.order(bytes, other.bytes, count) == 0
    }

    /// Whether the path is that of a file in this very directory.
    public func isDirectlyBelow(_ directory: RelativePath) -> Bool {
        isBelow(directory) && !bytes[(directory.bytes.count + 1)...].contains(UInt8(ascii: "/"))
    }

    /// The path as text if it is valid UTF-8, else `nil`: nothing is replaced.
    public var utf8String: String? { String(validating: bytes, as: UTF8.self) }

    /// For people: control characters and bytes that are not UTF-8 are shown as `\xNN`.
    public var description: String { printable(bytes) }

    /// Byte order, which is also the order in which S3 lists keys.
    public static func < (lhs: RelativePath, rhs: RelativePath) -> Bool {
        let order = Self.order(lhs.bytes, rhs.bytes, min(lhs.bytes.count, rhs.bytes.count))
        return order == 0 ? lhs.bytes.count < rhs.bytes.count : order < 0
    }

    public static func == (lhs: RelativePath, rhs: RelativePath) -> Bool {
        lhs.bytes.count == rhs.bytes.count && Self.order(lhs.bytes, rhs.bytes, lhs.bytes.count) == 0
    }

    /// All bytes at once: an array of them would be hashed one by one.
    public func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }

    private static func order(_ a: [UInt8], _ b: [UInt8], _ count: Int) -> Int32 {
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                guard let a = a.baseAddress, let b = b.baseAddress else { return 0 }
                return memcmp(a, b, count)
            }
        }
    }
}
