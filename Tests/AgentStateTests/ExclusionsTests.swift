import AgentState
import FileIO
import Testing

@Suite("Exclusions") struct ExclusionsTests {
    @Test(
        "files that are never stored, at any depth, in either case",
        arguments: [
            "auth.json", "mcp-auth.json", "account.json", ".env", "server.key", "cert.pem", ".key", ".pem",
            "opencode.db-shm",
            "x-y.db-shm", "opencode.db-wal", "opencode-beta.db-journal", "state.sqlite-wal", "state_5.sqlite3-journal",
            "a.sqlite-shm", "x.tmp", ".tmp",
        ])
    func never(_ name: String) throws {
        let everything = Exclusions(including: [try #require(Glob("**"))])
        for path in [name, "a/\(name)", "log/b/\(name)", name.uppercased()] {
            #expect(Exclusions.isNeverStored(try relative(path)), "\(path)")
            #expect(everything.rule(for: try relative(path)) != nil, "\(path)")
        }
    }

    @Test(
        "files that only look similar are stored",
        arguments: [
            "auth.json.txt", "xauth.json", "auth.jso", ".envrc", ".env.example", "env", "key", "pem", "a.keys",
            "monkey", "tmp",
            "a.tmpl", "auth.json/x", "server.key/x", "opencode.db", "reading-journal", "great-wal", "db-wal", "-wal",
            "opencode.db-wal.txt", "log", "bin", "a/log/x", "Log/x", "logs/x", "storage/session_share",
        ])
    func stored(_ path: String) throws {
        #expect(Exclusions().rule(for: try relative(path)) == nil)
        #expect(!Exclusions.isNeverStored(try relative(path)))
    }

    @Test("directories at the top are left out unless they are included", arguments: Exclusions.leftOutDirectories)
    func leftOut(_ directory: String) throws {
        let path = try relative("\(directory)/sub/file")
        #expect(Exclusions().rule(for: path) == .leftOut(directory))
        #expect(Exclusions(including: [try #require(Glob("\(directory)/"))]).rule(for: path) == nil)
        #expect(Exclusions(including: [try #require(Glob("\(directory)/**"))]).rule(for: path) == nil)
        #expect(Exclusions(including: [try #require(Glob("other/"))]).rule(for: path) == .leftOut(directory))
        // A store may hold them: only what is never stored is refused on the way back.
        #expect(!Exclusions.isNeverStored(path))
    }

    @Test("rules are shown as the contract writes them")
    func description() throws {
        #expect(Exclusions().rule(for: try relative("log/x"))?.description == "log/")
        #expect(Exclusions().rule(for: try relative("a/MY.PEM"))?.description == "*.pem")
        #expect(Exclusions().rule(for: try relative("a.db-wal"))?.description == "*-wal")
    }
}
