import FileIO
import NIOCore
import TestSupport
import Testing

@testable import AgentDatabase

/// A database file of its own, with every remains of deleted rows that SQLite leaves.
struct ImageFixture {
    static let pageSizes = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]

    let tree: TemporaryTree
    let path: String

    init() throws {
        tree = try TemporaryTree()
        path = tree.path + "/image.db"
    }

    init(pageSize: Int = 4096, autoVacuum: Int = 0, _ sql: String) throws {
        try self.init()
        try open(.create) { connection in
            try connection.execute("PRAGMA page_size = \(pageSize); PRAGMA auto_vacuum = \(autoVacuum)")
            try connection.execute(sql)
        }
    }

    @discardableResult
    func open<Result>(
        _ mode: SQLiteConnection.Mode = .write, _ work: (SQLiteConnection) throws -> Result
    ) throws -> Result {
        let connection = try SQLiteConnection(path, mode)
        // Some builds of SQLite clear what they delete by themselves.
        try connection.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA secure_delete = OFF")
        return try work(connection)
    }

    @discardableResult
    func zeroUnused() throws -> DatabasePages.Outcome {
        let roots = try open { try DatabasePages.roots(of: $0) }
        return try DatabasePages.zeroUnused(in: File.open(path, .readWrite), roots: roots)
    }

    /// Every row of every table, in the order of the file, and the schema.
    func dump() throws -> [[[SQLiteValue]]] {
        try open { connection in
            let schema = try connection.rows("SELECT type, name, tbl_name, rootpage, sql, rowid FROM sqlite_schema")
            let tables = schema.filter { $0[0] == .text("table") && $0[3] != .integer(0) }
            return try [schema]
                + tables.compactMap(\.[1].string).map {
                    try connection.rows("SELECT * FROM \(SQLText.name($0))")
                }
        }
    }

    func isIntact() throws -> Bool {
        try open { try $0.rows("PRAGMA integrity_check") } == [[.text("ok")]]
    }

    var bytes: [UInt8] { get throws { try File.open(path, .read).bytes() } }

    func write(_ bytes: [UInt8], at offset: Int = 0) throws {
        try File.open(path, .readWrite).write(ByteBuffer(bytes: bytes), at: Int64(offset))
    }
}

/// Which of these texts are somewhere in the bytes. SQLite does the search: in a debug build nothing else is as fast.
func found(_ texts: some Sequence<String>, in bytes: [UInt8]) throws -> [String] {
    let memory = try SQLiteConnection(":memory:", .create)
    return try texts.filter { text in
        try memory.rows("SELECT instr(?, ?)", [.blob(bytes), .blob(Array(text.utf8))]) != [[.integer(0)]]
    }
}

func bigEndian(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(value).bigEndian) { Array($0) } }
