import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentDatabase

@Suite("Which file is the database")
struct DatabaseScanTests {
    /// A data directory with a storage directory in it.
    private func with(_ body: (String) throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(
                atPath: "\(directory.path)/data/storage", withIntermediateDirectories: true)
            try body(directory.path)
        }
    }

    private func make(_ path: String, row: String = "x") throws {
        try FileManager.default.createDirectory(
            atPath: DatabaseScan.dataDirectory(of: path), withIntermediateDirectories: true)
        let database = try SQLiteConnection(path, .create)
        try database.execute("CREATE TABLE t (a text); INSERT INTO t VALUES ('\(row)')")
    }

    private func find(
        _ folder: String, named: String? = nil, _ rules: DatabaseNameRules = DatabaseNameRules()
    ) throws -> DatabaseScan.Found {
        try DatabaseScan.find(beside: "\(folder)/data/storage", named: named, rules: rules)
    }

    private func names(_ found: DatabaseScan.Found) -> [String] {
        found.databases.map { String(decoding: $0.name, as: UTF8.self) }
    }

    @Test(
        "A copy that a tool or a person made is left out and named",
        arguments: [
            "opencode (laptop's conflicted copy 2026-11-01).db", "opencode.sync-conflict-20261101-101112-ABCDEFG.db",
            "opencode (conflicted copy 2026-11-01 101112).db", "opencode_conflict-20261101-101112.db",
            "opencode-DESKTOP-4F2K9QX.db", "opencode-LAPTOP-AB12CD34.db", "opencode (1).db", "opencode 2.db",
            "opencode copy.db", "opencode - Copy.db", "opencode-backup-before-upgrade.db", "opencode.old.db",
            "opencode-bak.db", "opencode.db.bak", "opencode.db~", "opencode.db.orig", "opencode.db-20261101",
        ])
    func copies(_ name: String) async throws {
        try await with { folder in
            try make("\(folder)/data/opencode.db")
            try make("\(folder)/data/\(name)")
            let found = try find(folder)
            #expect(names(found) == ["opencode.db"])
            #expect(found.leftOut.map(\.path) == ["\(folder)/data/\(name)"])
            #expect(found.problems.isEmpty)
        }
    }

    @Test(
        "A name that an agent may open is taken",
        arguments: ["opencode.db", "opencode-beta.db", "opencode-dev.db", "opencode-v2.0.db", "opencode-my_fork.db"])
    func channels(_ name: String) async throws {
        try await with { folder in
            try make("\(folder)/data/\(name)")
            let found = try find(folder)
            #expect(names(found) == [name])
            #expect(found.leftOut.isEmpty)
        }
    }

    @Test("A pattern leaves a database out, and another takes a copy all the same")
    func patterns() async throws {
        try await with { folder in
            for name in ["opencode.db", "opencode-beta.db", "opencode-backup.db"] { try make("\(folder)/data/\(name)") }
            let rules = DatabaseNameRules(
                excluding: [try #require(Glob("*-beta.db"))], including: [try #require(Glob("opencode-backup.db"))])
            let found = try find(folder, rules)
            #expect(names(found) == ["opencode-backup.db", "opencode.db"])
            #expect(found.leftOut.map(\.name) == [Array("opencode-beta.db".utf8)])
        }
    }

    @Test(
        "OPENCODE_DB names what is stored: an absolute path under the default name, a relative one under its own",
        arguments: [
            ("/srv/oc.db", "opencode.db"), ("/srv/opencode-x.db", "opencode.db"), ("oc.db", "oc.db"),
            ("sub/oc.db", "oc.db"), (":memory:", nil), ("", nil),
        ] as [(String, String?)])
    func storedName(_ value: String, _ name: String?) {
        #expect(DatabaseScan.storedName(ofNamed: value).map { String(decoding: $0, as: UTF8.self) } == name)
    }

    @Test("A stored database is restored where OPENCODE_DB points on this machine")
    func place() {
        let name = Array("opencode.db".utf8)
        #expect(DatabaseScan.path(of: name, beside: "/d/storage", named: "/srv/oc.db") == "/srv/oc.db")
        #expect(DatabaseScan.path(of: name, beside: "/d/storage", named: "oc.db") == "/d/opencode.db")
        #expect(DatabaseScan.path(of: name, beside: "/d/storage", named: nil) == "/d/opencode.db")
        #expect(DatabaseScan.path(of: Array("oc.db".utf8), beside: "/d/storage", named: "oc.db") == "/d/oc.db")
    }

    @Test("The database that OPENCODE_DB names is taken, and another one of the default name is left out and named")
    func named() async throws {
        try await with { folder in
            try make("\(folder)/data/opencode.db", row: "beside")
            try make("\(folder)/else/opencode.db", row: "named")
            let found = try find(folder, named: "\(folder)/else/opencode.db")
            #expect(found.databases.map(\.path) == ["\(folder)/else/opencode.db"])
            #expect(names(found) == ["opencode.db"])
            #expect(found.leftOut.map(\.path) == ["\(folder)/data/opencode.db"])
        }
    }

    @Test(
        "Two spellings of one path are one database",
        arguments: [
            "data/./opencode.db", "data//opencode.db", "data/../data/opencode.db", "data/storage/../opencode.db",
        ])
    func spellings(_ spelling: String) async throws {
        try await with { folder in
            try make("\(folder)/data/opencode.db")
            let found = try find(folder, named: "\(folder)/\(spelling)")
            #expect(names(found) == ["opencode.db"])
        }
    }

    @Test("Several names of one file are one database, called by its default name", arguments: [true, false])
    func manyNames(isLink: Bool) async throws {
        try await with { folder in
            try make("\(folder)/data/opencode.db")
            let other = "\(folder)/data/opencode-beta.db"
            if isLink {
                try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: "opencode.db")
            } else {
                try FileManager.default.linkItem(atPath: "\(folder)/data/opencode.db", toPath: other)
            }
            let found = try find(folder)
            #expect(names(found) == ["opencode.db"])
            #expect(found.leftOut.map(\.path) == [other])
        }
    }

    /// Where a link leads that is not followed.
    enum Target: CaseIterable { case nothing, directory, sharedDirectory }

    @Test("A link is followed to this user's own file")
    func link() async throws {
        try await with { folder in
            try make("\(folder)/disk/real.db")
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/data/opencode.db", withDestinationPath: "../disk/real.db")
            let found = try find(folder)
            #expect(names(found) == ["opencode.db"])
            #expect(try FileStatus.at(try #require(found.databases.first?.path)).kind == .regular)
            #expect(found.databases.first?.path.hasSuffix("/disk/real.db") == true)
        }
    }

    @Test("A link that leads elsewhere is refused with the reason", arguments: Target.allCases)
    func refusedLink(_ target: Target) async throws {
        try await with { folder in
            let manager = FileManager.default
            switch target {
            case .nothing: break
            case .directory:
                try manager.createDirectory(atPath: "\(folder)/disk/real.db", withIntermediateDirectories: true)
            case .sharedDirectory:
                try make("\(folder)/disk/real.db")
                try manager.setAttributes([.posixPermissions: 0o777], ofItemAtPath: "\(folder)/disk")
            }
            let path = "\(folder)/data/opencode.db"
            try manager.createSymbolicLink(atPath: path, withDestinationPath: "\(folder)/disk/real.db")
            let found = try find(folder)
            #expect(found.databases.isEmpty)
            #expect(found.problems.map(\.cause.kind) == [.link])
            #expect(found.problems.map(\.path) == [path])
        }
    }
}
