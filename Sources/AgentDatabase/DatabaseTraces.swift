import FileIO
import NIOCore

/// Traces that SQLite leaves in a file, for a file that it does not read as a database: torn, or never one?
///
/// A power cut tears pages, the first one like any other, and leaves the rest. An encrypted file has no traces at all: each
/// of its bytes is noise. So a file is a torn database if its header has fields that only SQLite writes, if it begins with
/// nothing but zeros, or if most of its other pages begin like pages of a B-tree.
struct DatabaseTraces {
    private let header: [UInt8]
    /// Of each page that was looked at, whether it may be one of a database.
    private let looksLikePage: [Bool]

    /// Pages that are looked at.
    private static let maxPages = 64
    /// The size that SQLite gives pages unless it is told otherwise.
    private static let defaultPageSize = 4096

    init(of file: File) throws(FileError) {
        let size = try file.status().size
        var start = ByteBuffer()
        _ = try file.read(into: &start, count: 100, at: 0)
        header = Array(start.readableBytesView)
        let pageSize = Self.pageSize(header) ?? Self.defaultPageSize
        let pages = size / Int64(pageSize)
        var found: [Bool] = []
        for page in stride(from: Int64(1), to: pages, by: Int(max(1, pages / Int64(Self.maxPages)))) {
            var head = ByteBuffer()
            _ = try file.read(into: &head, count: 8, at: page * Int64(pageSize))
            found.append(Self.isPage(startingWith: head, of: pageSize, pages: pages))
        }
        looksLikePage = found
    }

    /// Whether a page begins like one of a B-tree, like an overflow page (with the number of the next one), or was never
    /// written. See https://sqlite.org/fileformat2.html, sections 1.6 and 1.7.
    private static func isPage(startingWith head: ByteBuffer, of pageSize: Int, pages: Int64) -> Bool {
        guard let next = head.getInteger(at: 0, as: UInt32.self), let kind = head.getInteger(at: 0, as: UInt8.self),
            let freeBlock = head.getInteger(at: 1, as: UInt16.self),
            let cells = head.getInteger(at: 3, as: UInt16.self),
            let content = head.getInteger(at: 5, as: UInt16.self),
            let fragments = head.getInteger(at: 7, as: UInt8.self)
        else { return false }
        if Int64(next) <= pages { return true }
        return [2, 5, 10, 13].contains(kind) && Int(freeBlock) < pageSize && Int(cells) * 4 <= pageSize
            && Int(content) <= pageSize && fragments <= 60
    }

    private static func pageSize(_ header: [UInt8]) -> Int? {
        guard header.count >= 18 else { return nil }
        let stored = Int(header[16]) << 8 | Int(header[17])
        let size = stored == 1 ? 65536 : stored
        return size >= 512 && size.nonzeroBitCount == 1 ? size : nil
    }

    private var hasMagic: Bool { DatabaseScan.isDatabase(startingWith: header) }

    /// The payload fractions at 21 to 23 are the same in every database.
    private var hasFields: Bool {
        header.count >= 24 && Self.pageSize(header) != nil && header[21...23].elementsEqual([64, 32, 32])
    }

    private var isZero: Bool { !header.isEmpty && header.allSatisfy { $0 == 0 } }

    private var hasPages: Bool { looksLikePage.count(where: \.self) * 2 > looksLikePage.count }

    /// Encryption keeps bytes of each page for itself, and a checksum takes eight.
    private var reservesMuch: Bool { hasFields && header[20] > 8 }

    /// - Parameter hasHeader: SQLite has tried to read the file, and refused it. Otherwise a file with a header is taken for
    ///   a database.
    /// - Returns: `nil` for a database.
    func verdict(hasHeader: Bool) -> (UnreadableDatabase.Kind, String)? {
        if hasMagic {
            guard hasHeader else { return nil }
            return reservesMuch && !hasPages
                ? (.notADatabase, "it seems to be encrypted") : (.malformed, "its pages are damaged")
        }
        if hasFields || isZero || hasPages { return (.malformed, "its header is torn") }
        return (.notADatabase, "it is encrypted, or no SQLite database")
    }
}
