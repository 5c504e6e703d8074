import FileIO
import Glibc
import NIOCore

/// Pages of a database file, each of them loaded once, its dead bytes zeroed and written back if that changed it.
struct PageFile {
    let file: File
    let header: DatabaseHeader
    /// The page that was loaded last, or the beginning of it.
    private(set) var page = ByteBuffer()
    /// Pages that were written.
    private(set) var writtenPages = 0
    /// Bytes that were not zero and are now.
    private(set) var zeroedBytes: Int64 = 0
    private var number: UInt32 = 0

    init(_ file: File, _ header: DatabaseHeader) {
        (self.file, self.header) = (file, header)
    }

    /// - Parameter count: how much of the page to load; all of it if `nil`.
    /// - Throws: ``FileError``, or ``MalformedDatabase`` if the file has become shorter.
    mutating func load(_ number: UInt32, count: Int? = nil) throws {
        let count = count ?? header.pageSize
        self.number = number
        page.clear()
        guard try file.read(into: &page, count: count, at: offset) == count else {
            throw MalformedDatabase("the file ends before it", page: number, path: file.path)
        }
    }

    /// A number at the beginning of the page.
    func uint32(_ offset: Int) -> UInt32 { page.withUnsafeReadableBytes { $0.uint32(offset) } }

    /// Zeroes the loaded page from an offset to its end.
    /// - Throws: ``FileError``.
    mutating func zero(from start: Int) throws {
        try write(
            page.withUnsafeMutableReadableBytes { clear(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) })
    }

    /// Zeroes what a set of its bytes leaves out of the loaded page.
    /// - Throws: ``FileError``.
    mutating func zero(outside used: BitSet) throws {
        let cleared = page.withUnsafeMutableReadableBytes { bytes in
            var cleared = 0
            var end = 0
            while true {
                let start = used.first(isMember: false, from: end, below: bytes.count)
                if start == bytes.count { return cleared }
                end = used.first(isMember: true, from: start, below: bytes.count)
                cleared += clear(UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]))
            }
        }
        try write(cleared)
    }

    private mutating func write(_ cleared: Int) throws {
        guard cleared > 0 else { return }
        try file.write(page, at: offset)
        writtenPages += 1
        zeroedBytes += Int64(cleared)
    }

    /// Adds what another one has written.
    mutating func count(_ other: PageFile) {
        writtenPages += other.writtenPages
        zeroedBytes += other.zeroedBytes
    }

    private var offset: Int64 { Int64(number - 1) * Int64(header.pageSize) }
}

/// - Returns: how many bytes were not zero.
private func clear(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
    // Most are zero already. Bytes that all equal their neighbour equal the first: one comparison at full speed.
    guard let base = bytes.baseAddress, !bytes.isEmpty, !(bytes[0] == 0 && memcmp(base, base + 1, bytes.count - 1) == 0)
    else {
        return 0
    }
    let count = bytes.reduce(into: 0) { count, byte in count += byte == 0 ? 0 : 1 }
    memset(base, 0, bytes.count)
    return count
}
