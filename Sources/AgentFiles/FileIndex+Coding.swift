import Crypto
import FileIO

// The format of an index file:
//
//     magic      8 bytes, the last one the version
//     header     takenAt, scope (length, UTF-8), base (length, bytes), number of entries
//     entries    in path order: bytes shared with the path before, length of the rest, rest of the path,
//                size * 2 + wasRestored, takenAt - modified, takenAt - changed, inode - inode before, SHA-256
//     trailer    SHA-256 of all before
//
// Numbers are variable-length: seven bits a byte, the lowest first, the top bit set on all but the last. Differences
// wrap around and are folded so that small negative ones are short, too.
extension FileIndex {
    private static let magic: [UInt8] = Array("HFINDEX".utf8) + [1]
    /// An entry takes at least this much: six numbers and a hash (the rest of its path is not empty).
    private static let shortestEntry = 7 + Digest.byteCount
    /// In all, since each entry may repeat thousands of bytes of the path before at the price of two.
    private static let mostPathBytes = 512 << 20

    /// The index as its file holds it.
    public func encoded() -> [UInt8] {
        let space = entries.reduce(200 + scope.utf8.count + base.count) {
            $0 + $1.path.bytes.count + 6 * IndexWriter.longestNumber + Digest.byteCount
        }
        var bytes = [UInt8](unsafeUninitializedCapacity: space) { target, count in
            var output = IndexWriter(target)
            output.bytes(Self.magic)
            output.folded(takenAt)
            output.counted(Array(scope.utf8))
            output.counted(base)
            output.variable(UInt64(entries.count))
            var path: [UInt8] = []
            var inode: UInt64 = 0
            for entry in entries {
                let next = entry.path.bytes
                let shared = Self.sharedStart(path, next)
                output.variable(UInt64(shared))
                output.variable(UInt64(next.count - shared))
                output.bytes(next[shared...])
                output.variable(UInt64(bitPattern: entry.size) << 1 | (entry.wasRestored ? 1 : 0))
                output.folded(takenAt &- entry.modified)
                output.folded(takenAt &- entry.changed)
                output.folded(Int64(bitPattern: entry.inode &- inode))
                entry.sha256.withBytes { output.bytes($0) }
                (path, inode) = (next, entry.inode)
            }
            count = output.count
        }
        bytes += SHA256.hash(data: bytes)
        return bytes
    }

    /// How many bytes two paths have in common at their start.
    private static func sharedStart(_ a: [UInt8], _ b: [UInt8]) -> Int {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                let end = min(a.count, b.count)
                return (0..<end).first { a[$0] != b[$0] } ?? end
            }
        }
    }

    /// - Returns: `nil` for all that ``encoded()`` did not make.
    init?(encoded bytes: [UInt8]) {
        let end = bytes.count - SHA256.byteCount
        guard end >= Self.magic.count, SHA256.hash(data: bytes[..<end]).elementsEqual(bytes[end...]) else { return nil }
        self.init(body: bytes[..<end])
    }

    /// - Parameter body: what the checksum is of. It proves that nothing was torn, not that nobody meant harm.
    init?(body: ArraySlice<UInt8>) {
        guard body.starts(with: Self.magic) else { return nil }
        let read = body.dropFirst(Self.magic.count).withUnsafeBytes { raw in
            var input = IndexReader(raw)
            return FileIndex(&input)
        }
        guard let read else { return nil }
        self = read
    }

    private init?(_ input: inout IndexReader) {
        guard let takenAt = input.folded(), let scope = input.counted(), let base = input.counted(),
            let scope = String(validating: scope, as: UTF8.self), let count = input.length(of: Self.shortestEntry)
        else { return nil }
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var path: [UInt8] = []
        var inode: UInt64 = 0
        var pathBytes = 0
        for _ in 0..<count {
            guard let shared = input.length(upTo: path.count), let rest = input.bytes(upTo: TreeWalk.longestPath) else {
                return nil
            }
            path.removeSubrange(shared...)
            path.append(contentsOf: rest)
            pathBytes += path.count
            guard path.count <= TreeWalk.longestPath, pathBytes <= Self.mostPathBytes,
                let valid = RelativePath(bytes: path), entries.last.map({ $0.path < valid }) ?? true,
                let size = input.variable(), let modified = input.folded(), let changed = input.folded(),
                let step = input.folded(), let hash = input.hash()
            else { return nil }
            inode &+= UInt64(bitPattern: step)
            entries.append(
                Entry(
                    path: valid, size: Int64(size >> 1), modified: takenAt &- modified, changed: takenAt &- changed,
                    inode: inode, sha256: hash, wasRestored: size & 1 == 1))
        }
        guard input.isAtEnd else { return nil }
        self.init(scope: scope, base: base, takenAt: takenAt, entries: entries)
    }
}

/// Writes the fields of an index into memory that has room for all of them.
private struct IndexWriter {
    /// A number takes at most this many bytes.
    static let longestNumber = 10

    private let target: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ target: UnsafeMutableBufferPointer<UInt8>) { self.target = target }

    mutating func variable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(rest))
    }

    mutating func folded(_ value: Int64) { variable(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    mutating func counted(_ bytes: [UInt8]) {
        variable(UInt64(bytes.count))
        self.bytes(bytes)
    }

    mutating func bytes(_ bytes: some Collection<UInt8>) {
        precondition(bytes.count <= target.count - count, "an index is longer than was reckoned")
        _ = UnsafeMutableBufferPointer(rebasing: target[count...]).initialize(from: bytes)
        count += bytes.count
    }

    private mutating func byte(_ value: UInt8) {
        precondition(count < target.count, "an index is longer than was reckoned")
        target.initializeElement(at: count, to: value)
        count += 1
    }
}
