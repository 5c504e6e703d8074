import Basics
import FileIO
import NIOCore

/// A database file is not what the format says: damaged, or made to mislead.
public struct MalformedDatabase: Error, Sendable, Equatable, CustomStringConvertible {
    /// The path, made printable.
    public let path: String
    /// Which page, from 1; `nil` if it is about the file.
    public let page: UInt32?
    public let reason: String

    init(_ reason: String, page: UInt32? = nil, path: [UInt8]) {
        (self.path, self.page, self.reason) = (printable(path), page, reason)
    }

    public var description: String {
        "\(problem). \(Self.hint)"
    }

    private var problem: String {
        "the database '\(path)' is malformed: \(page.map { "page \($0): " } ?? "")\(reason)"
    }
    private static let hint =
        "Check it with PRAGMA integrity_check and repair it with the .recover command of sqlite3."
}

extension MalformedDatabase: FailureConvertible {
    public var failure: Failure { Failure(code: .database, message: problem, hint: Self.hint) }
}

/// How a database file is divided, as its first 100 bytes tell.
///
/// The rules are those of the database file format, https://sqlite.org/fileformat2.html, section 1.
struct DatabaseHeader: Equatable {
    static let length = 100

    /// In bytes, a power of two from 512 to 65,536.
    let pageSize: Int
    /// Bytes of each page before those that are reserved for extensions.
    let usableSize: Int
    /// In pages, as SQLite counts them: by the header if the last writer kept it, otherwise by the file.
    let pageCount: UInt32
    let firstTrunk: UInt32
    let freePageCount: UInt32
    let hasPointerMaps: Bool

    /// - Parameter bytes: at least ``length``.
    /// - Parameter fileSize: in bytes.
    /// - Throws: ``MalformedDatabase``.
    init(_ bytes: UnsafeRawBufferPointer, fileSize: Int64, path: [UInt8]) throws {
        func require(_ condition: Bool, _ reason: String) throws {
            guard condition else { throw MalformedDatabase(reason, path: path) }
        }
        try require(bytes.count >= Self.length, "it is too short")
        try require(bytes.starts(with: "SQLite format 3\0".utf8), "it does not begin like a database")
        let storedSize = bytes.uint16(16)
        pageSize = storedSize == 1 ? 65536 : storedSize
        try require(pageSize >= 512 && pageSize.nonzeroBitCount == 1, "its page size is \(storedSize)")
        usableSize = pageSize - Int(bytes[20])
        try require(usableSize >= 480, "it reserves too much of its pages")
        try require(
            bytes[21] == 64 && bytes[22] == 32 && bytes[23] == 32, "its payload fractions are not those of the format")

        let counted = bytes.uint32(28)
        let isKept = counted != 0 && bytes.uint32(24) == bytes.uint32(92)
        let present = (fileSize + Int64(pageSize) - 1) / Int64(pageSize)
        try require(present <= Int64(UInt32.max - 1), "it is larger than a database can be")
        pageCount = isKept ? counted : UInt32(present)
        try require(Int64(pageCount) * Int64(pageSize) <= fileSize, "it ends before its last page does")

        firstTrunk = bytes.uint32(32)
        freePageCount = bytes.uint32(36)
        hasPointerMaps = bytes.uint32(52) != 0
    }

    /// The page around byte 2^30, where SQLite sets its locks: it holds nothing.
    var lockPage: UInt32 { UInt32((1 << 30) / pageSize + 1) }

    /// Pages that say, for each page after them, what points to it; only databases with `auto_vacuum` have them.
    var pointerMapPages: [UInt32] {
        guard hasPointerMaps else { return [] }
        let numbers = stride(from: 2, through: Int(pageCount), by: pointerMapEntries + 1).map { UInt32($0) }
        return numbers.map { $0 == lockPage ? $0 + 1 : $0 }.filter { $0 <= pageCount }
    }

    /// Of a pointer map page, at five bytes each.
    var pointerMapEntries: Int { usableSize / 5 }
}

/// Numbers of the file, most significant byte first. The caller has checked that they lie inside.
extension UnsafeRawBufferPointer {
    func uint16(_ offset: Int) -> Int { Int(self[offset]) << 8 | Int(self[offset + 1]) }

    func uint32(_ offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// A number of one to nine bytes, if it ends before `limit`.
    /// - Parameter offset: is moved behind it.
    func variableInteger(_ offset: inout Int, below limit: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<9 {
            guard offset < limit else { return nil }
            let byte = self[offset]
            offset += 1
            if index == 8 { return value << 8 | UInt64(byte) }
            value = value << 7 | UInt64(byte & 0x7F)
            if byte < 0x80 { return value }
        }
        return nil
    }
}
