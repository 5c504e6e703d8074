import Glibc

/// The path of a file below a storage directory: names separated by `/`, as bytes.
///
/// Paths are compared as bytes. `String ==` would call an NFC and an NFD spelling the same file, and some names are not
/// text at all. A value always holds at least one name, and no name is empty, `.` or `..`, or contains a NUL, so it
/// cannot point out of the directory it is joined to.
public struct RelativePath: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// - Returns: `nil` unless `bytes` is a relative path without empty, `.` and `..` components and without a NUL.
    public init?(_ bytes: some Collection<UInt8>) {
        guard !bytes.contains(0) else { return nil }
        let names = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for name in names {
            if name.isEmpty || name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { return nil }
        }
        self.bytes = Array(bytes)
    }

    /// The same from text, whose UTF-8 is taken as it is.
    public init?(_ text: String) { self.init(text.utf8) }

    /// Joins names. `nil` if there is none, or one of them could not name a file.
    public init?(components: some Sequence<some Collection<UInt8>>) {
        for name in components where name.contains(UInt8(ascii: "/")) { return nil }
        self.init(Array(components.joined(separator: [UInt8(ascii: "/")])))
    }

    /// What a directory listing gave, which cannot break the rules.
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

    /// The path as text if it is valid UTF-8, else `nil`: nothing is replaced.
    public var utf8String: String? { String(validating: bytes, as: UTF8.self) }

    /// For people: control characters and bytes that are not UTF-8 are shown as `\xNN`.
    public var description: String { printable(bytes) }

    /// Byte order, which is also the order in which S3 lists keys.
    public static func < (lhs: RelativePath, rhs: RelativePath) -> Bool {
        let order = lhs.bytes.withUnsafeBytes { left in
            rhs.bytes.withUnsafeBytes { right -> Int32 in
                guard let left = left.baseAddress, let right = right.baseAddress else { return 0 }
                return memcmp(left, right, min(lhs.bytes.count, rhs.bytes.count))
            }
        }
        return order == 0 ? lhs.bytes.count < rhs.bytes.count : order < 0
    }
}
