import Basics
import FileIO

/// Where a key is kept below the root of a ``FileObjectStore``.
///
/// Each part between slashes is a name of its own. What a file system cannot hold as a name is escaped with `%` and two
/// hex digits: NUL, `%` itself, and the whole names `.` and `..`; an empty part becomes a lone `%`. The mapping is
/// one-to-one, and no key gives the name of the staging directory.
struct FileKeyPath {
    let key: ObjectKey
    let directories: [[UInt8]]
    let name: [UInt8]

    /// Starts with a `%` that is not followed by hex digits, so no key can lead here.
    static let stagingName = Array("%staging".utf8)
    /// Longest name that Linux allows, in bytes.
    private static let longestName = 255

    init(_ key: ObjectKey) throws(StoreError) {
        guard !key.text.isEmpty else { throw StoreError(.invalid, "address", key: key, "an empty key names nothing") }
        var parts: [[UInt8]] = []
        for part in key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            let name = Self.encode(part)
            guard name.count <= Self.longestName else {
                throw StoreError(
                    .invalid, "address", key: key,
                    "a part of the key has \(name.count) bytes; a file name can have \(Self.longestName)",
                    hint: "Use an S3 store for such names.")
            }
            parts.append(name)
        }
        self.key = key
        name = parts.removeLast()
        directories = parts
    }

    private static func encode(_ part: some Collection<UInt8>) -> [UInt8] {
        if part.isEmpty { return [UInt8(ascii: "%")] }
        let dots = part.count <= 2 && part.allSatisfy { $0 == UInt8(ascii: ".") }
        return part.flatMap { byte -> [UInt8] in
            byte == 0 || byte == UInt8(ascii: "%") || dots
                ? [UInt8(ascii: "%")] + Array(Hexadecimal.text([byte]).utf8)
                : [byte]
        }
    }

    /// The part of a key that a name stands for, or `nil` for a name that no key gives.
    static func decode(_ name: [UInt8]) -> [UInt8]? {
        if name == [UInt8(ascii: "%")] { return [] }
        guard name.contains(UInt8(ascii: "%")) else { return name }
        var part: [UInt8] = []
        var rest = name[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                part.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            part.append(value)
            rest.removeFirst(2)
        }
        return encode(part) == name ? part : nil
    }
}

/// A walk over the directories of a ``FileObjectStore`` in the order of the keys' bytes, for one page of a listing.
struct FileStoreWalk {
    let prefix: [UInt8]
    let after: [UInt8]?
    let limit: Int
    private(set) var page = ObjectPage(objects: [], next: nil)

    init(prefix: String, after: String?, limit: Int) {
        self.prefix = Array(prefix.utf8)
        self.after = after.map { Array($0.utf8) }
        self.limit = limit
    }

    /// Adds the objects below a directory until the page is full.
    /// - Parameter path: what the keys below the directory start with, `a/b/`.
    mutating func visit(_ directory: File, below path: String) throws {
        var names: [(part: [UInt8], entry: DirectoryEntry)] = []
        for entry in try directory.entries() where entry.kind == .regular || entry.kind == .directory {
            guard let part = FileKeyPath.decode(entry.name) else { continue }
            // Below a directory keys go on with a slash, which decides their place among the others.
            names.append((entry.kind == .directory ? part + [UInt8(ascii: "/")] : part, entry))
        }
        names.sort { $0.part.lexicographicallyPrecedes($1.part) }
        let start = Array(path.utf8)
        for (part, entry) in names where page.next == nil {
            let bytes = start + part
            if entry.kind == .directory {
                guard bytes.starts(with: prefix) || prefix.starts(with: bytes) else { continue }
                if let after, bytes.lexicographicallyPrecedes(after), !after.starts(with: bytes) { continue }
                let below = try File.open(entry.name, in: directory, [.read, .directory, .noFollow])
                try visit(below, below: String(decoding: bytes, as: UTF8.self))
            } else {
                guard bytes.starts(with: prefix), after.map({ $0.lexicographicallyPrecedes(bytes) }) ?? true else {
                    continue
                }
                try add(ObjectKey(String(decoding: bytes, as: UTF8.self)), entry, directory)
            }
        }
    }

    private mutating func add(_ key: ObjectKey, _ entry: DirectoryEntry, _ directory: File) throws {
        if page.objects.count == limit {
            page.next = page.objects.last?.key.text
            return
        }
        do {
            page.objects.append(FileObjectStore.info(key, try directory.status(of: entry.name)))
        } catch  where error.isNotFound {
            return  // deleted since the directory was read
        }
    }
}
