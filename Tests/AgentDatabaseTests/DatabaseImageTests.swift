import FileIO
import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("An image of a database") struct DatabaseImageTests {
    private let folder: TemporaryTree
    init() throws { folder = try TemporaryTree() }

    private var path: String { folder.path + "/opencode.db" }

    private func database() throws -> DatabaseFile { try #require(try DatabaseFile.at(path)) }

    /// All rows of an image, through a second copy with a name.
    private func rows(_ image: DatabaseImage, _ sql: String) throws -> [[SQLiteValue]] {
        let copy = folder.path + "/copy-\(UInt64.random(in: .min ... .max)).db"
        try image.copy(to: try File.open(copy, [.readWrite, .createNew]))
        let connection = try SQLiteConnection(copy, .read)
        #expect(try connection.rows("PRAGMA integrity_check") == [[.text("ok")]])
        return try connection.rows(sql)
    }

    /// A database with a log, as a process that was killed leaves it.
    private func killedWriter(_ rows: Int) throws {
        let live = folder.path + "/live.db"
        let writer = try SQLiteConnection(live, .create)
        try writer.execute(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t(n INTEGER PRIMARY KEY)")
        for n in 1...rows { try writer.execute("INSERT INTO t VALUES (\(n))") }
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: live + suffix, toPath: path + suffix)
        }
    }

    @Test("has what is in the log, and leaves the database and its log as they are")
    func log() throws {
        try killedWriter(100)
        let before = try ["", "-wal"].map { try Data(contentsOf: URL(fileURLWithPath: path + $0)) }
        let image = try DatabaseImage.capture(try database())
        #expect(try rows(image, "SELECT count(*), max(n) FROM t") == [[.integer(100), .integer(100)]])
        let after = try ["", "-wal"].map { try Data(contentsOf: URL(fileURLWithPath: path + $0)) }
        #expect(before == after)
    }

    @Test("of a main file without a byte has what is in the log")
    func emptyMainFile() throws {
        try killedWriter(10)
        let main = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        let size = try Int(DatabaseFile.at(path)?.main?.size ?? 0)
        // Where the main file has its first page, the test takes it away: the log has all pages.
        if size > 0 { try main.truncate(atOffset: 0) }
        let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        #expect(try DatabaseScan.find(beside: folder.path + "/storage").databases.map(\.path) == [path])
        let image = try DatabaseImage.capture(try database())
        #expect(try rows(image, "SELECT count(*) FROM t") == [[.integer(10)]])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + "-wal")) == log)
    }

    @Test("is not made of an empty file without a log, which is no database yet")
    func nothing() throws {
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(try DatabaseScan.find(beside: folder.path + "/storage") == DatabaseScan.Found())
    }

    @Test("is the same bytes when nothing has changed, and after a restore")
    func deterministic() throws {
        try killedWriter(500)
        let first = try Digest(of: DatabaseImage.capture(try database()).file)
        #expect(try Digest(of: DatabaseImage.capture(try database()).file) == first)
        let install = try DatabaseInstall(path: path)
        try DatabaseImage.capture(try database()).copy(to: install.file)
        _ = try install.prepare(keepingSecretsOf: nil, rebase: nil, checkout: nil, modified: 0)
        try install.lock()
        let now = try #require(try install.commit())
        #expect(now.log == nil)
        #expect(try Digest(of: DatabaseImage.capture(now).file) == first)
    }

    @Test("of a database that is no database, or damaged, is refused with the reason", arguments: [true, false])
    func damaged(_ hasHeader: Bool) throws {
        try killedWriter(3000)
        let writer = try SQLiteConnection(path, .write)
        try writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: hasHeader ? 4096 : 0)
        try handle.write(contentsOf: Data(repeating: 0xA5, count: 4096))
        try handle.close()
        if hasHeader {
            #expect(throws: (any Error).self) { try DatabaseImage.capture(try database()).check() }
        } else {
            let found = try DatabaseScan.find(beside: folder.path + "/storage")
            #expect(found.databases.isEmpty)
            #expect(found.problems.map(\.path) == [path])
            // The other pages are those of a database.
            #expect(found.problems.map(\.cause.kind) == [.malformed])
        }
    }

    @Test("is a committed state, each of 200 times, while a writer commits and checkpoints")
    func liveWriter() async throws {
        let setUp = try SQLiteConnection(path, .create)
        try setUp.execute(
            """
            PRAGMA journal_mode = WAL;
            CREATE TABLE total(id INTEGER PRIMARY KEY, n INTEGER, sum INTEGER); INSERT INTO total VALUES (1, 0, 0);
            CREATE TABLE item(n INTEGER PRIMARY KEY, payload BLOB)
            """)
        let stop = NIOLockedValueBox(false)
        let path = path
        let writing = Task.detached {
            try await FileIO.run {
                let writer = try SQLiteConnection(path, .write)
                try writer.execute("PRAGMA synchronous = NORMAL")
                var n = 0
                while !stop.withLockedValue({ $0 }) {
                    n += 1
                    try writer.transaction {
                        try writer.execute("INSERT INTO item VALUES (\(n), randomblob(\(n * 37 % 9000)))")
                        if n % 3 == 0 { try writer.execute("DELETE FROM item WHERE n = \(n / 3)") }
                        try writer.execute("UPDATE total SET n = \(n), sum = (SELECT sum(n) FROM item)")
                    }
                    // Whether a checkpoint succeeds beside a reader does not matter here.
                    if n % 20 == 0 {
                        _ = try? writer.rows("PRAGMA wal_checkpoint(\(n % 40 == 0 ? "TRUNCATE" : "PASSIVE"))")
                    }
                }
                return n
            }
        }
        var seen: Set<Int64> = []
        for _ in 0..<200 {
            let image = try await FileIO.run { try DatabaseImage.capture(try #require(try DatabaseFile.at(path))) }
            let state = try rows(image, "SELECT t.n, t.sum, (SELECT coalesce(sum(n), 0) FROM item) FROM total t")[0]
            #expect(state[1] == state[2])
            if let n = state[0].integer { seen.insert(n) }
        }
        stop.withLockedValue { $0 = true }
        let written = try await writing.value
        #expect(seen.count > 20)
        #expect(written > seen.count)
    }
}

@Suite("Putting an image in the place of a database") struct DatabaseInstallTests {
    private let folder: TemporaryTree
    init() throws { folder = try TemporaryTree() }
    private var path: String { folder.path + "/opencode.db" }

    private func make(_ path: String, _ rows: ClosedRange<Int>, wal: Bool = false) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path, .create)
        if wal { try connection.execute("PRAGMA journal_mode = WAL") }
        try connection.execute("CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY)")
        for n in rows { try connection.execute("INSERT INTO t VALUES (\(n))") }
        return connection
    }

    private func staged() throws -> DatabaseInstall {
        let other = folder.path + "/other.db"
        _ = try make(other, 1...3)
        let install = try DatabaseInstall(path: path)
        try DatabaseImage.capture(try #require(try DatabaseFile.at(other))).copy(to: install.file)
        _ = try install.prepare(
            keepingSecretsOf: try DatabaseFile.at(path), rebase: nil, checkout: nil, modified: 1_000_000_000)
        return install
    }

    private func count() throws -> [[SQLiteValue]] {
        try SQLiteConnection(path, .read).rows("SELECT count(*) FROM t")
    }

    @Test("removes a log and an index that belong to another database")
    func staleLog() throws {
        do {
            let old = try make(folder.path + "/old.db", 1...500, wal: true)
            try old.execute("PRAGMA wal_autocheckpoint = 0; UPDATE t SET n = n + 1000")
            for suffix in ["-wal", "-shm"] {
                try FileManager.default.copyItem(atPath: folder.path + "/old.db" + suffix, toPath: path + suffix)
            }
        }
        let install = try staged()
        try install.lock()
        _ = try install.commit()
        #expect(try count() == [[.integer(3)]])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("opencode.db") }
                .sorted() == ["opencode.db"])
    }

    @Test("is refused while another program has the database open, and leaves it as it was", arguments: [true, false])
    func inUse(_ wal: Bool) throws {
        let agent = try make(path, 1...10, wal: wal)
        // An open statement, as of a program that is at work; with a log, an open connection is enough.
        if !wal { try agent.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES (11)") }
        _ = try agent.rows("SELECT count(*) FROM t")
        let install = try staged()
        #expect(throws: DatabaseInstall.InUse(path: path)) { try install.lock() }
        install.abandon()
        if !wal { try agent.execute("COMMIT") }
        #expect(try agent.rows("SELECT count(*) FROM t") == [[.integer(wal ? 10 : 11)]])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasSuffix(".tmp") })
    }

    @Test("takes the place of what SQLite cannot read")
    func unreadable() throws {
        try Data(repeating: 7, count: 10_000).write(to: URL(fileURLWithPath: path))
        let install = try staged()
        try install.lock()
        _ = try install.commit()
        #expect(try count() == [[.integer(3)]])
    }
}
