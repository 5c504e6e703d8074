import FileIO
import NIOCore

/// One page of a b-tree at a time: which of its bytes are in use, and which pages it points to.
///
/// Nothing of a page is believed before it is checked: it may come from another machine. The rules are those of the
/// database file format, https://sqlite.org/fileformat2.html, section 1.6.
struct BTreePage {
    /// What a b-tree is made of, which all its pages share.
    enum Kind { case table, index }

    /// The end of a row that did not fit into its page.
    struct Overflow {
        let first: UInt32
        /// In bytes, at least one.
        let length: Int
    }

    private enum PageType: UInt8 {
        case interiorIndex = 2
        case interiorTable = 5
        case leafIndex = 10
        case leafTable = 13

        var kind: Kind { self == .interiorTable || self == .leafTable ? .table : .index }
        var isInterior: Bool { self == .interiorIndex || self == .interiorTable }
        var headerLength: Int { isInterior ? 12 : 8 }
    }

    private(set) var kind = Kind.table
    /// Bytes that hold something: the header, the cells and the headers of the free blocks between them.
    private(set) var used: BitSet
    private(set) var children: [UInt32] = []
    private(set) var overflows: [Overflow] = []

    private let usableSize: Int
    private let path: [UInt8]
    private var number: UInt32 = 0

    init(_ header: DatabaseHeader, path: [UInt8]) {
        used = BitSet(below: header.pageSize)
        usableSize = header.usableSize
        self.path = path
    }

    /// - Parameter page: a whole page.
    /// - Throws: ``MalformedDatabase``.
    mutating func read(_ page: ByteBuffer, number: UInt32) throws {
        self.number = number
        used.removeAll()
        children.removeAll(keepingCapacity: true)
        overflows.removeAll(keepingCapacity: true)
        try page.withUnsafeReadableBytes { try read($0) }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws {
        let start = number == 1 ? DatabaseHeader.length : 0
        guard let type = PageType(rawValue: bytes[start]) else { throw malformed("it is no page of a b-tree") }
        kind = type.kind
        let cellCount = bytes.uint16(start + 3)
        let storedContent = bytes.uint16(start + 5)
        let content = storedContent == 0 ? 65536 : storedContent
        let pointers = start + type.headerLength
        let pointersEnd = pointers + 2 * cellCount
        guard pointersEnd <= content, content <= usableSize else {
            throw malformed("its cells begin at no valid place")
        }

        used.insert(0..<pointersEnd)
        var occupied = 0
        for index in 0..<cellCount {
            let offset = bytes.uint16(pointers + 2 * index)
            guard offset >= content else { throw malformed("a cell begins outside the cells") }
            let end = try readCell(bytes, at: offset, type)
            guard used.insert(offset..<end) else { throw malformed("cells overlap") }
            occupied += end - offset
        }
        occupied += try readFreeBlocks(bytes, first: bytes.uint16(start + 1), content: content)
        // SQLite counts the bytes that are neither cell nor block. A page where that differs has lost a cell.
        guard usableSize - content - occupied == Int(bytes[start + 7]) else { throw malformed("its cells have gaps") }
        if type.isInterior { children.append(bytes.uint32(start + 8)) }
    }

    /// - Returns: where the cell ends.
    private mutating func readCell(_ bytes: UnsafeRawBufferPointer, at start: Int, _ type: PageType) throws -> Int {
        // No cell is shorter than the header of the free block that it may become.
        guard start + 4 <= usableSize else { throw malformed("a cell ends outside the page") }
        var offset = start
        if type.isInterior {
            children.append(bytes.uint32(start))
            offset += 4
        }
        if type == .interiorTable {
            guard bytes.variableInteger(&offset, below: usableSize) != nil else { throw malformed("a key is cut off") }
            return offset
        }
        guard let payload = bytes.variableInteger(&offset, below: usableSize), payload <= UInt64(Int32.max),
            type == .leafIndex || type == .interiorIndex
                || bytes.variableInteger(&offset, below: usableSize) != nil
        else { throw malformed("a cell has no valid length") }
        let local = localLength(Int(payload), kind)
        let isWhole = local == Int(payload)
        let end = max(start + 4, offset + local + (isWhole ? 0 : 4))
        guard end <= usableSize else { throw malformed("a cell ends outside the page") }
        if !isWhole {
            overflows.append(Overflow(first: bytes.uint32(end - 4), length: Int(payload) - local))
        }
        return end
    }

    /// How much of a row its own page holds.
    private func localLength(_ payload: Int, _ kind: Kind) -> Int {
        let most = kind == .table ? usableSize - 35 : (usableSize - 12) * 64 / 255 - 23
        if payload <= most { return payload }
        let least = (usableSize - 12) * 32 / 255 - 23
        let wanted = least + (payload - least) % (usableSize - 4)
        return wanted <= most ? wanted : least
    }

    /// - Returns: how many bytes the free blocks have.
    private mutating func readFreeBlocks(
        _ bytes: UnsafeRawBufferPointer, first: Int, content: Int
    ) throws -> Int {
        var total = 0
        var (block, least) = (first, content)
        while block != 0 {
            guard block >= least, block + 4 <= usableSize else { throw malformed("a free block is out of place") }
            let (next, size) = (bytes.uint16(block), bytes.uint16(block + 2))
            let end = block + size
            guard size >= 4, end <= usableSize, used.insert(block..<end) else {
                throw malformed("a free block overlaps something")
            }
            used.remove(block + 4..<end)
            total += size
            // Blocks ascend, with more than a fragment between them, so there is an end to them.
            (block, least) = (next, end + 4)
        }
        return total
    }

    private func malformed(_ reason: String) -> MalformedDatabase {
        MalformedDatabase(reason, page: number, path: path)
    }
}
