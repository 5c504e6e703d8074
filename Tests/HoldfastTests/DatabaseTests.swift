import Basics
import FileIO
import Foundation
import NIOCore
import ObjectStore
import Testing

@testable import AgentDatabase
@testable import Holdfast
@testable import Repository

@Suite("A database in a memory")
struct DatabaseTests {
    static let schema = """
        CREATE TABLE project (id text PRIMARY KEY, worktree text NOT NULL, time_updated integer NOT NULL);
        CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, directory text NOT NULL,
          title text NOT NULL, time_updated integer NOT NULL,
          FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE);
        CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_updated integer NOT NULL, data text,
          FOREIGN KEY (session_id) REFERENCES session(id) ON DELETE CASCADE);
        CREATE TABLE account (id text PRIMARY KEY, access_token text NOT NULL);
        CREATE TABLE session_share (session_id text PRIMARY KEY, secret text NOT NULL);
        INSERT INTO project VALUES ('p', '/agent/checkout', 1);
        """

    /// The database of a machine, open as an agent has it.
    private func open(_ fixture: Fixture, _ machine: String = "a") throws -> SQLiteConnection {
        try FileManager.default.createDirectory(
            atPath: fixture.storage(machine), withIntermediateDirectories: true)
        let connection = try SQLiteConnection("\(fixture.folder)/\(machine)/opencode.db", .create)
        try connection.execute("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON")
        return connection
    }

    private func add(_ session: String, _ database: SQLiteConnection, time: Int = 1, messages: Int = 3) throws {
        try database.transaction {
            try database.execute(
                "INSERT INTO session VALUES ('\(session)', 'p', '/agent/checkout/x', 'title', \(time))")
            for n in 0..<messages {
                let text = String(repeating: "\(session) \(n) ", count: 200)
                try database.execute("INSERT INTO message VALUES ('\(session)-\(n)', '\(session)', \(time), '\(text)')")
            }
        }
    }

    /// A machine with one session, pushed.
    private func pushed(_ fixture: Fixture) async throws {
        let database = try open(fixture)
        try database.execute(Self.schema)
        try add("first", database)
        let push = await fixture.memory().push()
        try #require(push.success, "\(push)")
    }

    private func sessions(_ fixture: Fixture, _ machine: String) throws -> [String] {
        let database = try SQLiteConnection("\(fixture.folder)/\(machine)/opencode.db", .read)
        #expect(try database.rows("PRAGMA integrity_check") == [[.text("ok")]])
        #expect(try database.rows("PRAGMA foreign_key_check").isEmpty)
        return try database.rows("SELECT id FROM session ORDER BY id").compactMap(\.first?.string)
    }

    @Test("goes to another machine with all that is in its log")
    func roundTrip() async throws {
        try await Fixture.with { fixture in
            let agent = try open(fixture)
            try agent.execute(Self.schema)
            try add("open", agent)
            try fixture.write(["session/x.json": "{}"])
            // The agent is still at work.
            let push = await fixture.memory().push()
            #expect(push.success, "\(push)")
            #expect(push.objectCount == 2)
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(pull.transferredObjects == 2)
            #expect(try sessions(fixture, "b") == ["open"])
            #expect(try fixture.files("b") == ["session/x.json": "{}"])
        }
    }

    @Test("that did not change costs a push one request and makes no snapshot")
    func unchanged() async throws {
        try await Fixture.with { fixture in
            try await pushed(fixture)
            #expect(await fixture.memory("b").pull().success)
            // The machine that restored it has given its file a time long past.
            let before = try await fixture.memory().repository.history().snapshots.count
            let push = await fixture.memory("b").push()
            #expect(push.success)
            #expect(push.requests <= 1)
            #expect(try await fixture.memory().repository.history().snapshots.count == before)
        }
    }

    @Test("leaves its credentials behind, unless they are wanted", arguments: [false, true])
    func secrets(_ keeps: Bool) async throws {
        try await Fixture.with { fixture in
            let agent = try open(fixture)
            try agent.execute(Self.schema)
            try add("s", agent)
            let tokens = ["fake-access-token-1", "fake-old-token-2", "fake-share-secret-3"]
            try agent.execute("INSERT INTO account VALUES ('old', '\(tokens[1])'); DELETE FROM account")
            try agent.execute("INSERT INTO account VALUES ('x', '\(tokens[0])')")
            try agent.execute("INSERT INTO session_share VALUES ('s', '\(tokens[2])')")
            var memory = fixture.memory()
            memory.options.keepsDatabaseSecrets = keeps
            let push = await memory.push()
            #expect(push.success, "\(push)")
            #expect(push.warnings.isEmpty == !keeps)
            let path = try #require(RelativePath("@data/opencode.db"))
            let entry = try #require(try await memory.repository.newest().manifest?.entry(path))
            let image = try await memory.repository.content(of: entry)
            let bytes = Data(image.readableBytesView)
            #expect((bytes.range(of: Data(tokens[0].utf8)) != nil) == keeps)
            #expect(bytes.range(of: Data(tokens[1].utf8)) == nil)
            #expect((bytes.range(of: Data(tokens[2].utf8)) != nil) == keeps)

            // A machine that is logged in stays so.
            if !keeps {
                let other = try open(fixture, "b")
                try other.execute(Self.schema)
                try other.execute("INSERT INTO account VALUES ('mine', 'fake-own-token')")
            }
            let pull = await fixture.memory("b").pull(PullOptions(onConflict: .storeWins))
            #expect(pull.success, "\(pull)")
            let restored = try SQLiteConnection("\(fixture.folder)/b/opencode.db", .read)
            let own = try restored.rows("SELECT id FROM account").compactMap(\.first?.string)
            #expect(own == (keeps ? ["x"] : ["mine"]))
        }
    }

    @Test("that is large sends, when it grows, only the lists of those of its chunks that changed")
    func fewChunkLists() async throws {
        try await Fixture.with { fixture in
            let agent = try open(fixture)
            try agent.execute(Self.schema)
            try agent.execute("CREATE TABLE blobs (id integer PRIMARY KEY, data blob)")
            // 1000 chunks of 16 KiB: some lists.
            try agent.execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                INSERT INTO blobs SELECT i, randomblob(16000) FROM n
                """)
            let path = try #require(RelativePath("@data/opencode.db"))
            var saved: [(lists: [BlobReference], chunks: [BlobReference])] = []
            for round in 0..<2 {
                if round > 0 { try agent.execute("INSERT INTO blobs VALUES (2000, randomblob(40000))") }
                let push = await fixture.memory().push()
                try #require(push.success, "\(push)")
                let repository = fixture.memory().repository
                let entry = try #require(try await repository.newest().manifest?.entry(path))
                guard case .chunkLists(let lists, _) = entry.content else {
                    Issue.record("there are no lists")
                    return
                }
                saved.append((lists, try await repository.blobs(of: entry)))
            }
            let (before, after) = (saved[0], saved[1])
            try #require(before.lists.count == 4 && after.lists.count == 4)
            // Page 1 lies in the first list and the new rows in the last; which others there are is SQLite's business.
            let changed = before.lists.indices.filter { index in
                let range = (index * ChunkList.length)..<((index + 1) * ChunkList.length)
                return before.chunks.digests(range) != after.chunks.digests(range)
            }
            #expect(changed.count < 4 && changed.first == 0 && changed.last == 3, "\(changed)")
            // A list that stays is also not written again, in another place.
            #expect(before.lists.indices.filter { before.lists[$0] != after.lists[$0] } == changed)
        }
    }

    @Test(
        "that changed on both sides stops a pull, or is merged, or is kept beside the store's",
        arguments: [ConflictPolicy.stop, .newerWins, .storeWins])
    func conflict(_ policy: ConflictPolicy) async throws {
        try await Fixture.with { fixture in
            try await pushed(fixture)
            #expect(await fixture.memory("b").pull().success)
            try add("theirs", try open(fixture))
            #expect(await fixture.memory().push().success)
            try add("ours", try open(fixture, "b"))
            let pull = await fixture.memory("b").pull(PullOptions(onConflict: policy))
            switch policy {
            case .stop:
                #expect(pull.error?.code == .changedOnBothSides)
                #expect(pull.conflicts == ["@data/opencode.db"])
                #expect(try sessions(fixture, "b") == ["first", "ours"])
            case .newerWins:
                #expect(pull.success, "\(pull)")
                #expect(try sessions(fixture, "b") == ["first", "ours", "theirs"])
                #expect(await fixture.memory("b").push().success)
                #expect(await fixture.memory().pull().success)
                #expect(try sessions(fixture, "a") == ["first", "ours", "theirs"])
            case .storeWins:
                #expect(pull.success, "\(pull)")
                #expect(try sessions(fixture, "b") == ["first", "theirs"])
                let kept = try FileManager.default.contentsOfDirectory(atPath: "\(fixture.folder)/b")
                    .filter { $0.hasPrefix("opencode.db.replaced-") }
                #expect(kept.count == 1)
                let old = try SQLiteConnection("\(fixture.folder)/b/\(try #require(kept.first))", .read)
                #expect(try old.rows("SELECT count(*) FROM session") == [[.integer(2)]])
            }
        }
    }

    @Test("that cannot be read keeps its version in the snapshot, and the rest is saved")
    func unreadable() async throws {
        try await Fixture.with { fixture in
            try await pushed(fixture)
            let path = "\(fixture.folder)/a/opencode.db"
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
            try (Data("SQLite format 3\0".utf8) + Data(repeating: 0xEE, count: 9000)).write(
                to: URL(fileURLWithPath: path))
            try fixture.write(["f": "saved"])
            let push = await fixture.memory().push()
            #expect(push.success == false)
            #expect(push.problems.map(\.path) == ["@data/opencode.db"])
            let pull = await fixture.memory("b").pull()
            #expect(pull.success, "\(pull)")
            #expect(try sessions(fixture, "b") == ["first"])
            #expect(try fixture.files("b") == ["f": "saved"])
        }
    }

    @Test("in the storage directory itself is stored as an image without credentials", arguments: [false, true])
    func insideStorage(isLarge: Bool) async throws {
        try await Fixture.with { fixture in
            try fixture.write(["other": "SQLite format 4"])
            let agent = try SQLiteConnection("\(fixture.storage())/own.db", .create)
            try agent.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (data blob)")
            try agent.execute("CREATE TABLE account (id text PRIMARY KEY, access_token text)")
            try agent.execute("INSERT INTO account VALUES ('x', 'fake-access-token-1')")
            try agent.execute("INSERT INTO t VALUES (randomblob(\(isLarge ? 3 << 20 : 9)))")
            let memory = fixture.memory()
            // All of it is still in the log.
            let push = await memory.push()
            #expect(push.success, "\(push)")
            let path = try #require(RelativePath("own.db"))
            let entry = try #require(try await memory.repository.newest().manifest?.entry(path))
            let stored = Data(try await memory.repository.content(of: entry).readableBytesView)
            #expect(stored.range(of: Data("fake-access-token-1".utf8)) == nil)
            let mirrored = try await fixture.store.get(ObjectKey(fixture.location.mirrorPrefix + "own.db"))
                .collect(upTo: 1 << 24)
            #expect(Data(mirrored.readableBytesView) == stored)
            #expect(await fixture.memory("b").pull().success)
            let restored = try SQLiteConnection("\(fixture.storage("b"))/own.db", .read)
            #expect(try restored.rows("SELECT count(*) FROM t") == [[.integer(1)]])
            // Nobody wrote since, on either side.
            #expect(try await memory.status().difference.isEmpty)
            #expect(await memory.push().isNewSnapshot == false)
            #expect(await fixture.memory("b").push().isNewSnapshot == false)
        }
    }

    @Test(
        "in the storage directory is not replaced beside its log",
        arguments: [ConflictPolicy.stop, .newerWins, .storeWins])
    func insideStorageWithLog(_ policy: ConflictPolicy) async throws {
        try await Fixture.with { fixture in
            let agent = try SQLiteConnection("\(fixture.storage())/own.db".madeParent(), .create)
            try agent.execute("CREATE TABLE t (a text); INSERT INTO t VALUES ('one')")
            #expect(await fixture.memory().push().success)
            #expect(await fixture.memory("b").pull().success)
            let other = try SQLiteConnection("\(fixture.storage("b"))/own.db", .write)
            try other.execute("PRAGMA journal_mode = WAL; INSERT INTO t VALUES ('b')")
            try agent.execute("INSERT INTO t VALUES ('two')")
            #expect(await fixture.memory().push().success)
            let pull = await fixture.memory("b").pull(PullOptions(onConflict: policy))
            #expect(pull.error?.code == .databaseInUse, "\(pull)")
            #expect(pull.error?.passesByItself == true)
            #expect(try other.rows("SELECT a FROM t ORDER BY a") == [[.text("b")], [.text("one")]])
        }
    }

    @Test("that is missing is no reason to forget it")
    func missing() async throws {
        try await Fixture.with { fixture in
            try await pushed(fixture)
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: "\(fixture.folder)/a/opencode.db\(suffix)")
            }
            try fixture.write(["f": "new"])
            let refused = await fixture.memory().push()
            #expect(refused.error?.code == .shrinks, "\(refused)")
            #expect(await fixture.memory().push(allowShrink: true).success)
            #expect(try await fixture.memory().repository.newest().tip?.commit.files == 1)
        }
    }

    @Test("is not replaced while an agent has it open")
    func inUse() async throws {
        try await Fixture.with { fixture in
            try await pushed(fixture)
            #expect(await fixture.memory("b").pull().success)
            try add("more", try open(fixture))
            try fixture.write(["f": "2"])
            #expect(await fixture.memory().push().success)
            let agent = try open(fixture, "b")
            _ = try agent.rows("SELECT count(*) FROM session")
            let pull = await fixture.memory("b").pull()
            #expect(pull.error?.code == .databaseInUse)
            #expect(pull.error?.passesByItself == true)
            #expect(try fixture.files("b").isEmpty)
            #expect(try agent.rows("SELECT count(*) FROM session") == [[.integer(1)]])
        }
    }

    @Test("gets the paths of this machine's checkout")
    func rebase() async throws {
        try await Fixture.with { fixture in
            try await pushed(fixture)
            var memory = fixture.memory("b")
            memory.options.rebase = ("/agent/checkout", "/srv/work")
            #expect(await memory.pull().success)
            let database = try SQLiteConnection("\(fixture.folder)/b/opencode.db", .read)
            #expect(try database.rows("SELECT worktree FROM project") == [[.text("/srv/work")]])
            #expect(try database.rows("SELECT directory FROM session") == [[.text("/srv/work/x")]])
        }
    }

    @Test(
        "under a name that is no database's is not written beside the storage directory",
        arguments: ["auth.json", "x/opencode.db"])
    func hostileName(_ name: String) async throws {
        try await Fixture.with { fixture in
            let memory = fixture.memory()
            let writer = SnapshotWriter(memory.repository, upon: try await memory.repository.newest())
            let content = ByteBuffer(string: "hostile")
            let digest = Digest(of: content)
            if writer.claim(digest) { try await writer.write(SnapshotWriter.encode([(digest, content)])) }
            let file = NewFile(
                path: try #require(RelativePath("@data/\(name)")), mode: 0o600, modified: 1, digest: digest,
                chunks: [NewFile.Chunk(digest: digest, length: content.readableBytes)])
            _ = try await memory.repository.save(writer, SaveRequest(files: [.new(file)], base: nil, writer: "test"))
            let pull = await fixture.memory("b").pull()
            #expect(pull.problems.map(\.path) == ["@data/\(name)"])
            #expect(FileManager.default.fileExists(atPath: "\(fixture.folder)/b/\(name)") == false)
            #expect(FileManager.default.fileExists(atPath: "\(fixture.storage("b"))/@data/\(name)") == false)
        }
    }
}

extension String {
    /// This path, whose directory is made.
    fileprivate func madeParent() throws -> String {
        try FileManager.default.createDirectory(
            atPath: DatabaseScan.dataDirectory(of: self), withIntermediateDirectories: true)
        return self
    }
}

extension [BlobReference] {
    /// Of those in a range, as far as there are any.
    fileprivate func digests(_ range: Range<Int>) -> [Digest] { self[range.clamped(to: indices)].map(\.digest) }
}
