import CSQLite
import Dispatch
import FileIO
import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// The pages of a database file that nobody has open.
///
/// SQLite leaves what is deleted where it was until something else needs the place. A database image must not carry
/// that along: it may be a token which was replaced long ago. `VACUUM` would clear it, but moves nearly every row,
/// so that the next snapshot would have to store all of them anew. Zeroing in place changes only pages with remains.
struct DatabasePages {
    /// What was done.
    struct Outcome: Sendable, Equatable {
        /// Pages that were written.
        var pages = 0
        /// Bytes that were not zero and are now. What lay behind the last page is not counted.
        var zeroedBytes: Int64 = 0
    }

    private var pages: PageFile
    private var tree: BTreePage
    /// Pages whose use is known, by number. Every page has one use, so no pointer can lead in a circle.
    private var reached: BitSet
    private var reachedCount = 1
    private let cancellation: Cancellation

    /// Where the b-trees of a database begin, the schema's own at page 1 left out.
    /// - Throws: ``SQLiteError``.
    static func roots(of connection: SQLiteConnection) throws(SQLiteError) -> [UInt32] {
        try connection.rows("SELECT rootpage FROM main.sqlite_schema WHERE rootpage > 0").map {
            row throws(SQLiteError) -> UInt32 in
            guard let root = row.first?.integer.flatMap({ UInt32(exactly: $0) }) else {
                throw SQLiteError(SQLITE_CORRUPT, "the schema names no valid root page", path: connection.path)
            }
            return root
        }
    }

    /// Zeroes every byte that no live row, index or schema entry needs: free pages, what is left over of pages
    /// between and after their cells, ends of overflow chains, bytes reserved for extensions, the page of the locks.
    /// The file is cut off behind its last page. (An extension that keeps a checksum in its bytes would have to make
    /// it anew, since it covers what is zeroed.)
    ///
    /// Takes one pass, and a bit of memory for each page. A page is changed only after all of it has been found sound,
    /// but whether others agree with it shows later: a file for which this throws is of no further use.
    /// - Parameters:
    ///   - file: open for reading and writing. No connection may have it open, and no `-wal` or hot `-journal` may lie
    ///     beside it.
    ///   - roots: as ``roots(of:)`` gives them. If one is missing, its pages count as malformed, never as free.
    /// - Throws: ``MalformedDatabase``, ``FileError``, `CancellationError`.
    @discardableResult
    static func zeroUnused(
        in file: File, roots: some Sequence<UInt32>, cancellation: Cancellation = Cancellation()
    ) throws -> Outcome {
        let size = try file.status().size
        // An empty file is an empty database.
        guard size > 0 else { return Outcome() }
        var start = ByteBuffer()
        _ = try file.read(into: &start, count: DatabaseHeader.length, at: 0)
        let header = try start.withUnsafeReadableBytes {
            try DatabaseHeader($0, fileSize: size, path: file.path)
        }
        var pages = DatabasePages(file, header, cancellation)
        var subtrees: [Subtree] = []
        for root in [1] + roots { subtrees += try pages.zeroRoot(root) }
        try pages.zero(subtrees)
        try pages.zeroFreeList()
        try pages.zeroPointerMaps()
        if header.lockPage <= header.pageCount { try pages.zeroPage(header.lockPage) }
        try pages.requireAllReached()
        let end = Int64(header.pageCount) * Int64(header.pageSize)
        if size > end { try file.truncate(to: end) }
        return Outcome(pages: pages.pages.writtenPages, zeroedBytes: pages.pages.zeroedBytes)
    }

    private init(_ file: File, _ header: DatabaseHeader, _ cancellation: Cancellation) {
        pages = PageFile(file, header)
        tree = BTreePage(header, path: file.path)
        reached = BitSet(below: Int(header.pageCount) + 1)
        // There is no page 0.
        reached.insert(0..<1)
        self.cancellation = cancellation
    }

    private var header: DatabaseHeader { pages.header }

    /// Notes that a page has a use.
    private mutating func reach(_ number: UInt32) throws {
        guard number >= 1, number <= header.pageCount else {
            throw malformed("something points to it, but there are only \(header.pageCount) pages", number)
        }
        guard reached.insert(Int(number)..<Int(number) + 1) else { throw malformed("it has two uses", number) }
        reachedCount += 1
        try cancellation.check()
    }

    /// The part of a b-tree below a page.
    private struct Subtree {
        let page: UInt32
        let kind: BTreePage.Kind
    }

    /// Zeroes what a root page does not use.
    /// - Returns: what is below it.
    private mutating func zeroRoot(_ root: UInt32) throws -> [Subtree] {
        try reach(root)
        try zeroNode(root, of: nil)
        return tree.children.map { Subtree(page: $0, kind: tree.kind) }
    }

    private mutating func zero(_ subtree: Subtree) throws {
        var waiting = [subtree.page]
        try reach(subtree.page)
        while let number = waiting.popLast() {
            try zeroNode(number, of: subtree.kind)
            for child in tree.children { try reach(child) }
            // The first of them next: neighbours in the tree are often neighbours in the file.
            waiting.append(contentsOf: tree.children.reversed())
        }
    }

    /// Zeroes what a page of a b-tree does not use. ``tree`` tells afterwards what it points to.
    /// - Parameter kind: that of the tree; `nil` if the page is its root.
    private mutating func zeroNode(_ number: UInt32, of kind: BTreePage.Kind?) throws {
        try pages.load(number)
        try tree.read(pages.page, number: number)
        guard kind == nil || kind == tree.kind else { throw malformed("it belongs to another kind of tree", number) }
        try pages.zero(outside: tree.used)
        for overflow in tree.overflows { try zeroChain(overflow) }
    }

    /// Zeroes subtrees on two cores. Who meets the other in a page has found it malformed, which shows in the end.
    private mutating func zero(_ subtrees: [Subtree]) throws {
        var lanes = [self, DatabasePages(pages.file, header, cancellation)]
        let next = Atomic(0)
        let failures = NIOLockedValueBox<[any Error]>([])
        lanes.withUnsafeMutableBufferPointer { lanes in
            nonisolated(unsafe) let lanes = lanes
            DispatchQueue.concurrentPerform(iterations: lanes.count) { lane in
                do {
                    while true {
                        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                        guard index < subtrees.count else { return }
                        try lanes[lane].zero(subtrees[index])
                    }
                } catch {
                    failures.withLockedValue { $0.append(error) }
                }
            }
        }
        self = lanes[0]
        if let failure = failures.withLockedValue({ $0.first }) { throw failure }
        try take(lanes[1])
    }

    /// Adds what another one has done.
    private mutating func take(_ other: DatabasePages) throws {
        if let page = reached.formUnion(other.reached, from: 1) { throw malformed("it has two uses", UInt32(page)) }
        reachedCount += other.reachedCount - 1
        pages.count(other.pages)
    }

    private mutating func zeroChain(_ overflow: BTreePage.Overflow) throws {
        var (number, left) = (overflow.first, overflow.length)
        let capacity = header.usableSize - 4
        while left > 0 {
            try reach(number)
            if left > capacity, header.usableSize == header.pageSize {
                // Full: there is nothing to zero, only the way to the next page to read.
                try pages.load(number, count: 4)
            } else {
                try pages.load(number)
                try pages.zero(from: 4 + min(left, capacity))
            }
            left -= capacity
            let next = pages.uint32(0)
            guard left > 0 || next == 0 else { throw malformed("a row goes on behind its end", number) }
            number = next
        }
    }

    private mutating func zeroFreeList() throws {
        var trunk = header.firstTrunk
        var count: UInt64 = 0
        while trunk != 0 {
            try reach(trunk)
            try pages.load(trunk)
            let (next, leafCount) = (pages.uint32(0), Int(pages.uint32(4)))
            guard leafCount <= header.usableSize / 4 - 2 else {
                throw malformed("its list of free pages is too long", trunk)
            }
            let leaves = (0..<leafCount).map { pages.uint32(8 + 4 * $0) }
            try pages.zero(from: 8 + 4 * leafCount)
            for leaf in leaves { try zeroPage(leaf) }
            count += 1 + UInt64(leafCount)
            trunk = next
        }
        guard count == UInt64(header.freePageCount) else {
            throw MalformedDatabase(
                "it has \(count) free pages and says \(header.freePageCount)", path: pages.file.path)
        }
    }

    private mutating func zeroPointerMaps() throws {
        for number in header.pointerMapPages {
            try reach(number)
            try pages.load(number)
            try pages.zero(from: 5 * min(header.pointerMapEntries, Int(header.pageCount - number)))
        }
    }

    /// Zeroes a page that holds nothing.
    private mutating func zeroPage(_ number: UInt32) throws {
        try reach(number)
        try pages.load(number)
        try pages.zero(from: 0)
    }

    /// A page without a use may be one whose only pointer is damaged.
    private func requireAllReached() throws {
        guard reachedCount <= Int(header.pageCount) else { return }
        let first = reached.first(isMember: false, from: 1, below: Int(header.pageCount) + 1)
        throw malformed("nothing uses it", UInt32(first))
    }

    private func malformed(_ reason: String, _ page: UInt32) -> MalformedDatabase {
        MalformedDatabase(reason, page: page, path: pages.file.path)
    }
}
