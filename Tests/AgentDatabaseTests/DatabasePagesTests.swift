import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Dead bytes of a database")
struct DatabasePagesTests {
    /// Texts that were deleted in one way each, and long enough for overflow pages where the name says so.
    static let deleted = ["PLAIN-GONE", "LONG-GONE", "SHORTENED-GONE", "KEY-GONE", "DROPPED-GONE", "HUGE-GONE"]

    static func long(_ token: String, _ count: Int) -> SQLiteValue { .text(String(repeating: token, count: count)) }

    /// A database with live rows of all sizes between which rows were deleted, shortened and dropped.
    static func fixture(pageSize: Int, autoVacuum: Int = 0) throws -> ImageFixture {
        let image = try ImageFixture(
            pageSize: pageSize, autoVacuum: autoVacuum,
            """
            CREATE TABLE note (id INTEGER PRIMARY KEY, name TEXT, body TEXT);
            CREATE INDEX note_name ON note (name, id);
            CREATE TABLE pair (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
            CREATE TABLE dropped (text TEXT);
            CREATE VIEW view AS SELECT name FROM note;
            """)
        try image.open { connection in
            try connection.transaction {
                let note = try connection.prepare("INSERT INTO note VALUES (?, ?, ?)")
                let pair = try connection.prepare("INSERT INTO pair VALUES (?, ?)")
                let dropped = try connection.prepare("INSERT INTO dropped VALUES (?)")
                for id in 0..<Int64(300) {
                    let token = deleted[Int(id) % 3]
                    let isDoomed = id % 2 == 1
                    let name = isDoomed ? "\(token)-\(id)" : "name \(id)"
                    let size = [2, 60, pageSize / 30, pageSize / 4][Int(id / 6) % 4]
                    let body = long(isDoomed || id % 3 == 2 ? token : "live \(id)", size)
                    try note.run([.integer(id), .text(name), body])
                    try pair.run([.text(isDoomed ? "KEY-GONE-\(id)" : "key \(id)"), long("pair", Int(id))])
                    try dropped.run([long("DROPPED-GONE", Int(id))])
                }
                try note.run([.integer(1000), .text("huge"), long("HUGE-GONE", pageSize)])
                try note.run([.integer(1001), .text("huge"), long("HUGE-LIVE", pageSize)])
            }
            try connection.execute(
                """
                DELETE FROM note WHERE id % 2 = 1 OR id = 1000;
                UPDATE note SET body = 'short' WHERE body LIKE '%SHORTENED%' AND id % 4 = 0;
                UPDATE note SET body = substr('live' || hex(zeroblob(9999)), 1, 50 + id) WHERE body LIKE '%SHORTENED%';
                DELETE FROM pair WHERE key LIKE 'KEY-GONE%';
                DROP TABLE dropped;
                """)
        }
        return image
    }

    @Test("Nothing deleted is left, and everything else is", arguments: ImageFixture.pageSizes, [0, 1, 2])
    func clears(pageSize: Int, autoVacuum: Int) throws {
        let image = try Self.fixture(pageSize: pageSize, autoVacuum: autoVacuum)
        let before = try image.dump()
        #expect(try found(Self.deleted, in: image.bytes).count >= 4)
        let outcome = try image.zeroUnused()
        #expect(outcome.pages > 0)
        #expect(outcome.zeroedBytes > 0)
        #expect(try found(Self.deleted, in: image.bytes) == [])
        #expect(try image.dump() == before)
        #expect(try image.isIntact())
        #expect(try image.zeroUnused() == DatabasePages.Outcome())
        // What was zeroed is still of use.
        try image.open { try $0.execute("INSERT INTO note SELECT id + 5000, name, body FROM note; DELETE FROM pair") }
        #expect(try image.isIntact())
    }

    @Test("Only pages with remains are written")
    func leavesTheRest() throws {
        let image = try Self.fixture(pageSize: 1024)
        try image.zeroUnused()
        let clean = try image.bytes
        try image.open { try $0.execute("UPDATE note SET body = 'y' WHERE id = 36") }
        let changed = try image.bytes
        let outcome = try image.zeroUnused()
        let after = try image.bytes
        let different = stride(from: 0, to: clean.count, by: 1024).filter {
            changed[$0..<$0 + 1024] != after[$0..<$0 + 1024]
        }
        #expect(outcome.pages == different.count)
        #expect(outcome.pages <= 4)
    }

    @Test("An empty file and an empty database are fine", arguments: ["", "CREATE TABLE t (x); DROP TABLE t"])
    func empty(sql: String) throws {
        let image = try ImageFixture(sql)
        try image.zeroUnused()
        #expect(try image.isIntact())
    }

    @Test("Bytes reserved for extensions are cleared", arguments: [512, 4096, 65536])
    func reserved(pageSize: Int) throws {
        let image = try ImageFixture(pageSize: pageSize, "PRAGMA user_version = 1")
        try image.write([32], at: 20)
        try image.write([UInt8((pageSize - 32) >> 8), UInt8((pageSize - 32) & 0xFF)], at: 105)
        try image.open { connection in
            try connection.execute("CREATE TABLE t (x, y); CREATE INDEX i ON t (y)")
            for size in 0..<200 {
                try connection.prepare("INSERT INTO t VALUES (?, ?)")
                    .run([Self.long("live", size * pageSize / 500), .integer(Int64(size))])
            }
            try connection.execute("DELETE FROM t WHERE y % 5 = 0")
        }
        let count = try image.bytes.count / pageSize
        for page in 1...count { try image.write(Array("RESERVED-GONE".utf8), at: page * pageSize - 20) }
        let before = try image.dump()
        #expect(try image.isIntact())
        try image.zeroUnused()
        #expect(try found(["RESERVED-GONE"], in: image.bytes) == [])
        #expect(try image.dump() == before)
        #expect(try image.isIntact())
    }

    @Test("The page of the locks is cleared and belongs to nothing")
    func lockPage() throws {
        let pageSize = 65536
        let image = try ImageFixture(pageSize: pageSize, "CREATE TABLE t (x); INSERT INTO t VALUES ('live')")
        let used = try image.bytes.count / pageSize
        let (lock, last) = (16385, 16386)
        let leaves = (used + 2...last).filter { $0 != lock }
        try image.write(bigEndian(last), at: 28)
        try image.write(bigEndian(used + 1) + bigEndian(leaves.count + 1), at: 32)
        try image.write(bigEndian(0) + bigEndian(leaves.count) + leaves.flatMap(bigEndian), at: used * pageSize)
        try File.open(image.path, .readWrite).truncate(to: Int64(last * pageSize))
        for page in [used + 2, lock, last] { try image.write(Array("GONE".utf8), at: page * pageSize - 100) }
        #expect(try image.isIntact())
        #expect(try image.zeroUnused() == DatabasePages.Outcome(pages: 3, zeroedBytes: 12))
        #expect(try image.isIntact())
        #expect(try image.open { try $0.rows("SELECT x FROM t") } == [[.text("live")]])
    }

    @Test("Cells that are padded to four bytes are whole")
    func shortCells() throws {
        let image = try ImageFixture(
            "CREATE TABLE t (k INTEGER PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES (0), (1)")
        try image.zeroUnused()
        #expect(try image.isIntact())
        #expect(try image.open { try $0.rows("SELECT k FROM t") } == [[.integer(0)], [.integer(1)]])
    }

    @Test("It stops when it is no longer wanted")
    func cancels() throws {
        let image = try ImageFixture("CREATE TABLE t (x)")
        let cancellation = Cancellation()
        cancellation.cancel()
        #expect(throws: CancellationError.self) {
            try DatabasePages.zeroUnused(in: File.open(image.path, .readWrite), roots: [2], cancellation: cancellation)
        }
    }

    @Test("What lies behind the last page is cut off")
    func cutsOff() throws {
        let image = try ImageFixture("CREATE TABLE t (x)")
        let size = try image.bytes.count
        try image.write(Array("BEHIND-GONE".utf8), at: size + 5000)
        try image.zeroUnused()
        #expect(try image.bytes.count == size)
    }
}

@Suite("Malformed databases are refused")
struct MalformedDatabaseTests {
    private func expectRefusal(_ image: ImageFixture, _ roots: [UInt32]? = nil) throws {
        let roots = try roots ?? image.open { try DatabasePages.roots(of: $0) }
        let before = try image.bytes.count
        #expect(throws: MalformedDatabase.self) {
            try DatabasePages.zeroUnused(in: File.open(image.path, .readWrite), roots: roots)
        }
        #expect(try image.bytes.count == before)
    }

    @Test("a root left out, named twice, or not there", arguments: [[], [2, 2], [2, 9], [2, 0], [2, UInt32.max]])
    func roots(_ roots: [UInt32]) throws {
        try expectRefusal(ImageFixture("CREATE TABLE t (x)"), roots)
    }

    @Test(
        "a header that misleads",
        arguments: [
            (0, [0x73]), (16, [0x0F, 0xFF]), (16, [0, 1]), (16, [0x80, 1]), (16, [1, 0]), (20, [255]), (21, [65]),
            (22, [33]), (23, [31]), (28, bigEndian(99)), (28, bigEndian(1)), (32, bigEndian(2)), (32, bigEndian(99)),
            (36, bigEndian(7)), (52, bigEndian(2)),
        ])
    func header(offset: Int, bytes: [UInt8]) throws {
        let image = try ImageFixture("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        try image.write(bytes, at: offset)
        try expectRefusal(image, [2])
    }

    @Test("pages that the list of free pages has lost")
    func lostPages() throws {
        let image = try ImageFixture("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(90000)); DELETE FROM t")
        try image.write(bigEndian(0) + bigEndian(0), at: 32)
        try expectRefusal(image)
    }

    @Test("a page that has lost a cell, or has one twice", arguments: [(4096 + 3, [0, 1]), (4096 + 8, [0x0F, 0xF2])])
    func cells(offset: Int, bytes: [UInt8]) throws {
        // Two cells of seven bytes, at the end of the page.
        let image = try ImageFixture("CREATE TABLE t (x); INSERT INTO t VALUES ('one'), ('two')")
        #expect(try Array(image.bytes[4096 + 8..<4096 + 12]) == [0x0F, 0xF9, 0x0F, 0xF2])
        try image.write(bytes, at: offset)
        try expectRefusal(image)
    }

    @Test("a row that goes on behind its end")
    func longRow() throws {
        let image = try ImageFixture("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(90000))")
        try image.write(bigEndian(2), at: image.bytes.count - 4096)
        try expectRefusal(image)
    }

    @Test("a list of free pages that is a circle")
    func circle() throws {
        let image = try ImageFixture("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(90000)); DELETE FROM t")
        let trunk = try Int(image.bytes[35])
        try image.write(bigEndian(trunk), at: (trunk - 1) * 4096)
        try expectRefusal(image)
    }

    @Test("a file that ends within a page")
    func truncated() throws {
        let image = try ImageFixture("CREATE TABLE t (x)")
        let roots = try image.open { try DatabasePages.roots(of: $0) }
        try File.open(image.path, .readWrite).truncate(to: 8000)
        try expectRefusal(image, roots)
    }

    @Test("no database at all", arguments: ["x", String(repeating: "not a database ", count: 1000)])
    func noDatabase(text: String) throws {
        let image = try ImageFixture()
        try image.tree.write("image.db", text)
        try expectRefusal(image, [])
    }

    @Test("The message names file, page and what to do")
    func message() {
        let error = MalformedDatabase("it has two uses", page: 7, path: Array("/state/opencode.db".utf8))
        #expect(
            error.description == "the database '/state/opencode.db' is malformed: page 7: it has two uses."
                + " Check it with PRAGMA integrity_check and repair it with the .recover command of sqlite3.")
    }
}
