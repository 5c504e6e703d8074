import FileIO
import Foundation
import TestSupport
import Testing

@testable import AgentFiles

@Suite("Scanning a storage directory") struct StorageScanTests {
    let tree: TemporaryTree
    init() throws { tree = try TemporaryTree() }

    @Test("lists files in byte order with what the system knows of them")
    func lists() async throws {
        for name in ["b", "a/z", "a.b", "a/y/x", "B", ".version", "caf\u{E9}", "cafe\u{301}", "empty"] {
            try tree.write(name, name == "empty" ? "" : name)
        }
        try makeDirectories(tree.path + "/nothing/here")
        let scan = try await StorageScan.scan(tree.path)
        #expect(scan.paths.map { Array($0.utf8) } == scan.files.map(\.path.bytes))
        #expect(
            scan.paths.map { Array($0.utf8) }
                == [
                    ".version", "B", "a.b", "a/y/x", "a/z", "b", "cafe\u{301}", "caf\u{E9}", "empty",
                ].map { Array($0.utf8) })
        #expect(scan.failures.isEmpty && !scan.rootMissing && scan.excluded.isEmpty)
        let version = try #require(scan.files.first)
        let expected = try FileStatus.at(tree.path + "/.version")
        #expect(version.status == expected)
        #expect(version.status.size == 8)
        #expect(
            scan.totalBytes
                == scan.files.reduce(0) { $0 + ($1.path.description == "empty" ? 0 : Int64($1.path.bytes.count)) })
    }

    @Test("a missing root is an empty memory, and said")
    func missing() async throws {
        let scan = try await StorageScan.scan(tree.path + "/none")
        #expect(scan.rootMissing && scan.files.isEmpty)
        #expect(try await StorageScan.scan(tree.path + "/none/below").rootMissing)
        #expect(try await !StorageScan.scan(tree.path).rootMissing)
    }

    @Test("a root that is no directory, or a link to nothing, is an error that names it")
    func notADirectory() async throws {
        try tree.write("file")
        try tree.link("dangling", to: "gone")
        for name in ["file", "file/below", "dangling", "dangling/"] {
            let error = await #expect(throws: FileError.self) { try await StorageScan.scan(tree.path + "/" + name) }
            #expect(error?.path == tree.path + "/" + name)
        }
    }

    @Test("the root may be a link to a directory; links below it are skipped and counted")
    func links() async throws {
        try tree.write("real/a")
        try tree.link("root", to: "real")
        try tree.link("real/directory", to: "/etc")
        try tree.link("real/file", to: "a")
        try tree.link("real/dangling", to: "gone")
        let scan = try await StorageScan.scan(tree.path + "/root")
        #expect(scan.paths == ["a"])
        #expect(scan.skippedLinks == 3)
    }

    @Test("pipes and sockets are skipped and counted, without opening them")
    func special() async throws {
        try tree.write("a")
        #expect(mkfifo(tree.path + "/pipe", 0o600) == 0)
        #expect(mknod(tree.path + "/socket", S_IFSOCK | 0o600, 0) == 0)
        let scan = try await StorageScan.scan(tree.path)
        #expect(scan.paths == ["a"])
        #expect(scan.skippedSpecialFiles == 2)
    }

    @Test("exclusions are applied and counted by rule")
    func exclusions() async throws {
        for name in ["auth.json", "x/auth.json", "a.key", "log/1", "log/2", "bin/x", "keep", "x/log/kept", "t.tmp"] {
            try tree.write(name)
        }
        try tree.write(".holdfast-0123456789abcdef.tmp/1")
        try tree.write("x/.holdfast-0123456789abcdef.tmp/1")
        try tree.write(".holdfast-short.tmp/kept")
        let scan = try await StorageScan.scan(tree.path)
        #expect(scan.paths == [".holdfast-short.tmp/kept", "keep", "x/log/kept"])
        #expect(
            scan.excluded == [
                .neverStored("auth.json"): 2, .neverStored("*.key"): 1, .neverStored("*.tmp"): 3, .leftOut("log"): 1,
                .leftOut("bin"): 1,
            ])
    }

    @Test("include patterns bring back what is left out, but not what is never stored")
    func includes() async throws {
        for name in ["log/a.txt", "log/b.json", "log/auth.json", "log/d/c.txt", "tool-output/x.txt", "snapshot/y"] {
            try tree.write(name)
        }
        let exclusions = Exclusions(including: [try #require(Glob("log/*.txt")), try #require(Glob("tool-output/"))])
        let scan = try await StorageScan.scan(tree.path, exclusions: exclusions)
        #expect(scan.paths == ["log/a.txt", "tool-output/x.txt"])
        #expect(scan.excluded == [.leftOut("log"): 2, .neverStored("auth.json"): 1, .leftOut("snapshot"): 1])
    }

    @Test("files beside a database are recognised by its content where its name says nothing")
    func sidecars() async throws {
        try tree.write("memory", "SQLite format 3\0 and more")
        try tree.write("memory-wal")
        try tree.write("memory-shm")
        try tree.write("fresh", "")
        try tree.write("fresh-WAL")
        try tree.write("reading", "a list of books")
        try tree.write("reading-journal")
        try tree.write("alone-journal")
        let scan = try await StorageScan.scan(tree.path)
        #expect(scan.paths == ["alone-journal", "fresh", "memory", "reading", "reading-journal"])
        #expect(scan.excluded == [.neverStored("*-wal"): 2, .neverStored("*-shm"): 1])
    }

    @Test("names of 255 bytes and names that are not UTF-8")
    func names() async throws {
        let long = [UInt8](repeating: 0x78, count: 255)
        let raw: [UInt8] = [0x61, 0xFF, 0xFE, 0x0A]
        try tree.write(long)
        try tree.write(raw + [0x2F] + long)
        let scan = try await StorageScan.scan(tree.path)
        #expect(scan.files.map(\.path.bytes) == [raw + [0x2F] + long, long])
        #expect(scan.files.first?.path.utf8String == nil)
    }

    @Test("a tree deeper than there are descriptors to keep open")
    func deep() async throws {
        let deepest = Array(repeating: "d", count: 1500).joined(separator: "/")
        try tree.write("\(deepest)/leaf")
        try tree.write("d/d/side")
        try tree.write("d/e/other")
        let scan = try await StorageScan.scan(tree.path)
        #expect(scan.paths == ["\(deepest)/leaf", "d/d/side", "d/e/other"])
    }

    @Test("paths longer than can be restored are failures that name them")
    func tooLong() async throws {
        let name = [UInt8](repeating: 0x78, count: 250)
        var path: [UInt8] = []
        for _ in 0..<17 { path += name + [0x2F] }
        try tree.write(path + Array("leaf".utf8))
        try tree.write("ok")
        let scan = try await StorageScan.scan(tree.path)
        #expect(scan.paths == ["ok"])
        #expect(scan.failures.map(\.cause.code) == [ENAMETOOLONG])
        try File.open(tree.path, [.read, .directory]).removeTree(name)
    }

    @Test("what may not be read is a failure that names it; the rest is listed")
    func unreadable() throws {
        try tree.write("open/a")
        try tree.write("secret/b")
        try tree.write("private")
        #expect(chmod(tree.path + "/secret", 0o000) == 0)
        #expect(chmod(tree.path + "/private", 0o000) == 0)
        defer { chmod(tree.path + "/secret", 0o700) }
        let scan = try withoutPrivileges { try StorageScan.walk(tree.path, Exclusions(), Cancellation()) }
        #expect(scan.paths == ["open/a"])
        #expect(scan.failures.map(\.path.description) == ["private", "secret"])
        #expect(scan.failures.allSatisfy { $0.cause.isAccessDenied })
        #expect(scan.failures.map(\.cause.path) == ["\(tree.path)/private", "\(tree.path)/secret"])
    }

    @Test("an unreadable root is an error, not an empty memory")
    func unreadableRoot() throws {
        #expect(chmod(tree.path, 0o000) == 0)
        defer { chmod(tree.path, 0o700) }
        let error = #expect(throws: FileError.self) {
            try withoutPrivileges { try StorageScan.walk(tree.path, Exclusions(), Cancellation()) }
        }
        #expect(error?.isAccessDenied == true)
        #expect(error?.path == tree.path)
    }

    @Test("stops between directories when it is cancelled")
    func cancellation() throws {
        try tree.write("a/b")
        let cancellation = Cancellation()
        cancellation.cancel()
        #expect(throws: CancellationError.self) { try StorageScan.walk(tree.path, Exclusions(), cancellation) }
    }
}
