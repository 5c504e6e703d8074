import Basics
import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("A database that cannot be read")
struct UnreadableDatabaseTests {
    private func with(_ body: (String) throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(
                atPath: "\(directory.path)/storage", withIntermediateDirectories: true)
            let path = "\(directory.path)/opencode.db"
            let database = try SQLiteConnection(path, .create)
            try database.execute("CREATE TABLE t (id integer PRIMARY KEY, a text); CREATE INDEX i ON t (a)")
            try database.transaction {
                for n in 0..<300 { try database.execute("INSERT INTO t (a) VALUES (hex(randomblob(\(40 + n * 7))))") }
            }
            try body(path)
        }
    }

    /// What a power cut, a program or a person may make of a file.
    enum Harm: CaseIterable {
        case firstBytes, noHeader, zeroHeader, noiseHeader, allZero, noisePages, cutOff
        case encrypted, encryptedWithHeader, text

        var kind: UnreadableDatabase.Kind {
            switch self {
            case .encrypted, .encryptedWithHeader, .text: .notADatabase
            default: .malformed
            }
        }

        func apply(to bytes: inout [UInt8], _ random: inout SeededGenerator) {
            func noise(_ range: Range<Int>) {
                for index in range { bytes[index] = .random(in: 0...255, using: &random) }
            }
            switch self {
            case .firstBytes: bytes.replaceSubrange(0..<4, with: "XXXX".utf8)
            case .noHeader: bytes.replaceSubrange(0..<16, with: repeatElement(0x55, count: 16))
            case .zeroHeader: bytes.replaceSubrange(0..<4096, with: repeatElement(0, count: 4096))
            case .noiseHeader: noise(0..<4096)
            case .allZero: bytes = Array(repeating: 0, count: bytes.count)
            case .noisePages: noise(4096..<bytes.count)
            case .cutOff: bytes.removeLast(bytes.count / 2)
            case .encrypted: noise(0..<bytes.count)
            case .encryptedWithHeader:
                noise(100..<bytes.count)
                bytes[20] = 48
            case .text: bytes = Array(String(repeating: "this is a text of a person\n", count: 900).utf8)
            }
        }
    }

    @Test("is malformed if it was one, and else left alone", arguments: Harm.allCases, [1, 2, 3] as [UInt64])
    func kinds(_ harm: Harm, seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        try await with { path in
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            harm.apply(to: &bytes, &random)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let found = try DatabaseScan.find(beside: DatabaseScan.dataDirectory(of: path) + "/storage")
            let cause = try #require(found.problems.first?.cause ?? found.databases.first?.trouble(), "seed \(seed)")
            #expect(cause.kind == harm.kind, "seed \(seed): \(cause)")
            #expect(cause.path == path)
            #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) == bytes)
            if let database = found.databases.first {
                #expect(throws: UnreadableDatabase.self) {
                    do { try DatabaseImage.capture(database).check() } catch { throw database.explain(error) }
                }
            }
        }
    }

    @Test("because another connection keeps it is locked, and the error is one that may pass")
    func locked() async throws {
        try await with { path in
            let agent = try SQLiteConnection(path, .write)
            try agent.execute("BEGIN EXCLUSIVE; INSERT INTO t (a) VALUES ('x')")
            let database = try #require(try DatabaseFile.at(path))
            let error = #expect(throws: UnreadableDatabase.self) { try DatabaseImage.capture(database) }
            #expect(error?.kind == .locked)
            #expect(error?.failure.passesByItself == true)
            withExtendedLifetime(agent) {}
        }
    }

    @Test("by its rules is read all the same, with a remark", arguments: ["CHECK", "NOT NULL"])
    func rules(_ rule: String) async throws {
        try await with { path in
            let agent = try SQLiteConnection(path, .write)
            if rule == "CHECK" {
                try agent.execute(
                    """
                    CREATE TABLE r (n integer CHECK (n > 0)); PRAGMA ignore_check_constraints = ON;
                    INSERT INTO r VALUES (-5)
                    """)
            } else {
                try agent.execute(
                    """
                    CREATE TABLE r (n integer); INSERT INTO r VALUES (NULL); PRAGMA writable_schema = ON;
                    UPDATE sqlite_schema SET sql = 'CREATE TABLE r (n integer NOT NULL)' WHERE name = 'r'
                    """)
            }
            let database = try #require(try DatabaseFile.at(path))
            let remarks = try DatabaseImage.capture(database).check()
            // CHECK constraints, which may be anybody's and take for ever, are not evaluated.
            #expect(remarks.count == (rule == "CHECK" ? 0 : 1), "\(remarks)")
        }
    }

    @Test("in the order of an unknown collation is read all the same, with a remark")
    func collation() async throws {
        try await with { path in
            let agent = try SQLiteConnection(path, .write)
            try agent.execute(
                """
                CREATE TABLE c (id text PRIMARY KEY, t text); CREATE INDEX ic ON c (t); INSERT INTO c VALUES ('a', 'b');
                PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET sql = 'CREATE TABLE c (id text PRIMARY KEY, t text COLLATE ICU_de)' WHERE name = 'c'
                """)
            let database = try #require(try DatabaseFile.at(path))
            let remarks = try DatabaseImage.capture(database).check()
            #expect(remarks.contains { $0.contains("collation") })
        }
    }

    @Test("while half of a transaction is in its file is rolled back in the copy, whole")
    func hotJournal() async throws {
        try await with { path in
            let agent = try SQLiteConnection(path, .write)
            try agent.execute("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5; PRAGMA synchronous = FULL")
            try agent.execute("BEGIN; UPDATE t SET a = 'half' || a")
            let folder = DatabaseScan.dataDirectory(of: path) + "/crashed"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: "\(folder)/opencode.db\(suffix)")
            }
            let crashed = try #require(try DatabaseFile.at("\(folder)/opencode.db"))
            try #require(crashed.journal != nil)
            let copy = try DatabaseSource.openCopy(crashed)
            #expect(try copy.rows("SELECT count(*) FROM t WHERE a LIKE 'half%'") == [[.integer(0)]])
            #expect(try copy.rows("SELECT count(*) FROM t") == [[.integer(300)]])
            // Nobody's transaction was touched.
            #expect(try DatabaseFile.at(crashed.path) == crashed)
            withExtendedLifetime(agent) {}
        }
    }

    @Test("has a hint of its own for each cause, and none that destroys", arguments: UnreadableDatabase.Kind.allCases)
    func hints(_ kind: UnreadableDatabase.Kind) throws {
        let all = UnreadableDatabase.Kind.allCases.map { UnreadableDatabase($0, path: "/p", "r").failure.hint }
        let failure = UnreadableDatabase(kind, path: "/p/opencode.db", "reason").failure
        let hint = try #require(failure.hint)
        #expect(all.count { $0 == hint } == 1)
        #expect(!["remove", "delete", "rename", "overwrite"].contains { hint.lowercased().contains($0) })
        #expect(failure.message.contains("'/p/opencode.db'"))
        #expect(failure.passesByItself == (kind == .locked))
    }
}
